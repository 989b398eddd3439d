// Sockets of people, each held open by a tab of its own at the client's port: this process has no WebSocket.

// Opens one that says hello, and waits for the answer. Closing the tab closes it.
export async function connected(browser, url, token) {
  const page = await opened(browser, url);
  const answer = await page.evaluate((hello) => window.ask({ hello }), { token, level: 1 });
  if (answer.error) throw new Error(`hello: ${JSON.stringify(answer)}`);
  return page;
}

// Somebody who guesses passwords until the tab is closed.
export async function guessing(browser, url) {
  const page = await opened(browser, url);
  await page.evaluate(() => {
    const guess = async (number) => {
      await window.ask({ signIn: { name: `nobody${number}`, password: 'wrong horse' } });
      void guess(number + 1);
    };
    void guess(0);
  });
  return page;
}

async function opened(browser, url) {
  const page = await browser.tab(url);
  await page.evaluate(async () => {
    const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/v1/ws`, ['highwater.v1.json']);
    await new Promise((done, fail) => {
      socket.onopen = done;
      socket.onerror = () => fail(new Error('the server takes no socket'));
    });
    let asked = 0;
    window.ask = (request) =>
      new Promise((done) => {
        asked += 1;
        socket.onmessage = ({ data }) => done(JSON.parse(data));
        socket.send(JSON.stringify({ requestId: String(asked), ...request }));
      });
  });
  return page;
}
