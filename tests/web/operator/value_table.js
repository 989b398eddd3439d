// What the table of a curve shows: the second of its time and the texts of its lines, newest first.

export async function table(page, curve) {
  const section = page.locator(`[data-curve=${curve}]`);
  if ((await section.locator('table').count()) === 0) await section.getByText('Table').click();
  return section.locator('tbody tr').evaluateAll((rows) =>
    rows.map((row) => [Number(row.dataset.at), ...[...row.querySelectorAll('td.number')].map((cell) => cell.textContent)]),
  );
}
