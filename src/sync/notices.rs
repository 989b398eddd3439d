//! Notices as sentences, in the device's language: for levels that have none.

use highwater_wire::proto;
use proto::{Role, notice::What};

use super::locale::{Locale, Phrase};

/// What a notice says, with the names that it brings.
#[must_use]
pub fn sentence(notice: &proto::Notice, locale: Locale) -> String {
    match locale {
        Locale::English => english(notice),
        Locale::Chinese => chinese(notice),
    }
}

fn english(notice: &proto::Notice) -> String {
    let (by, name, users) = (named(&notice.by, Locale::English), &notice.name, list(notice, Locale::English));
    match notice.what() {
        What::Unspecified => Locale::English.says(Phrase::NotShownHere).to_owned(),
        What::Created if notice.users.is_empty() => format!("{by} made the group \"{name}\""),
        What::Created => format!("{by} made the group \"{name}\" with {users}"),
        What::Joined => format!("{by} added {users}"),
        What::Left => format!("{by} left"),
        What::Turned => "the group was rearranged".to_owned(),
        What::Removed => format!("{by} removed {users}"),
        What::Renamed => format!("{by} named the group \"{name}\""),
        What::RoleGiven => match notice.role() {
            Role::Owner => format!("{by} made {users} the owner"),
            Role::Admin => format!("{by} made {users} an admin"),
            Role::Member | Role::Unspecified => format!("{by} made {users} a member"),
        },
        What::Dissolved => format!("{by} ended the group"),
        What::AllMuted => format!("{by} muted everybody"),
        What::AllUnmuted => format!("{by} lets everybody write again"),
        What::Muted => format!("{by} muted {users}"),
        What::Unmuted => format!("{by} lets {users} write again"),
        What::Announced if notice.text.is_empty() => format!("{by} took back the announcement"),
        What::Announced => format!("{by} announced: {}", notice.text),
        What::JoinedByLink => format!("{by} joined by a link"),
        What::Asked => format!("somebody asks to come in by a link of {by}"),
        What::Admitted => format!("{by} let {users} in"),
        What::ApprovalOn => format!("{by} wants who comes by a link to ask"),
        What::ApprovalOff => format!("{by} lets in who comes by a link"),
    }
}

fn chinese(notice: &proto::Notice) -> String {
    let (by, name, users) = (named(&notice.by, Locale::Chinese), &notice.name, list(notice, Locale::Chinese));
    match notice.what() {
        What::Unspecified => Locale::Chinese.says(Phrase::NotShownHere).to_owned(),
        What::Created if notice.users.is_empty() => format!("{by}创建了群聊“{name}”"),
        What::Created => format!("{by}创建了群聊“{name}”，成员有{users}"),
        What::Joined => format!("{by}邀请{users}加入了群聊"),
        What::Left => format!("{by}退出了群聊"),
        What::Turned => "群聊已调整".to_owned(),
        What::Removed => format!("{by}将{users}移出了群聊"),
        What::Renamed => format!("{by}将群名改为“{name}”"),
        What::RoleGiven => match notice.role() {
            Role::Owner => format!("{by}将群主转让给{users}"),
            Role::Admin => format!("{by}将{users}设为管理员"),
            Role::Member | Role::Unspecified => format!("{by}将{users}设为普通成员"),
        },
        What::Dissolved => format!("{by}解散了群聊"),
        What::AllMuted => format!("{by}开启了全员禁言"),
        What::AllUnmuted => format!("{by}解除了全员禁言"),
        What::Muted => format!("{by}将{users}禁言"),
        What::Unmuted => format!("{by}解除了{users}的禁言"),
        What::Announced if notice.text.is_empty() => format!("{by}清空了群公告"),
        What::Announced => format!("{by}发布了群公告：{}", notice.text),
        What::JoinedByLink => format!("{by}通过链接加入了群聊"),
        What::Asked => format!("有人通过{by}的链接申请入群"),
        What::Admitted => format!("{by}同意{users}加入了群聊"),
        What::ApprovalOn => format!("{by}开启了入群审批"),
        What::ApprovalOff => format!("{by}关闭了入群审批"),
    }
}

fn list(notice: &proto::Notice, locale: Locale) -> String {
    let between = match locale {
        Locale::English => ", ",
        Locale::Chinese => "、",
    };
    let names: Vec<&str> = notice.users.iter().map(|user| named(&user.name, locale)).collect();
    names.join(between)
}

/// A name, or a word for somebody whose name is not known.
pub(super) fn named(name: &str, locale: Locale) -> &str {
    if name.is_empty() { locale.says(Phrase::Somebody) } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(what: What, users: &[&str], role: Role) -> proto::Notice {
        let user =
            |name: &&str| proto::User { user_id: 9, name: (*name).to_owned(), ..proto::User::default() };
        proto::Notice {
            what: what.into(),
            by: "Ann".to_owned(),
            users: users.iter().map(user).collect(),
            name: "Tea".to_owned(),
            role: role.into(),
            text: String::new(),
        }
    }

    #[test]
    fn what_was_announced_is_told_in_full() {
        let said = |text: &str, locale| {
            sentence(
                &proto::Notice { text: text.to_owned(), ..notice(What::Announced, &[], Role::Unspecified) },
                locale,
            )
        };
        assert_eq!(said("Tea\nat five", Locale::English), "Ann announced: Tea\nat five");
        assert_eq!(said("Tea", Locale::Chinese), "Ann发布了群公告：Tea");
        assert_eq!(said("", Locale::English), "Ann took back the announcement");
        assert_eq!(said("", Locale::Chinese), "Ann清空了群公告");
    }

    #[test]
    fn every_notice_is_a_sentence_in_every_language() {
        for (what, users, role, english, chinese) in [
            (What::Created, &[][..], Role::Unspecified, "Ann made the group \"Tea\"", "Ann创建了群聊“Tea”"),
            (
                What::Created,
                &["Bob", "Cy"],
                Role::Unspecified,
                "Ann made the group \"Tea\" with Bob, Cy",
                "Ann创建了群聊“Tea”，成员有Bob、Cy",
            ),
            (
                What::Joined,
                &["Bob", ""],
                Role::Unspecified,
                "Ann added Bob, somebody",
                "Ann邀请Bob、某人加入了群聊",
            ),
            (What::Left, &[], Role::Unspecified, "Ann left", "Ann退出了群聊"),
            (What::JoinedByLink, &[], Role::Unspecified, "Ann joined by a link", "Ann通过链接加入了群聊"),
            (
                What::Asked,
                &[],
                Role::Unspecified,
                "somebody asks to come in by a link of Ann",
                "有人通过Ann的链接申请入群",
            ),
            (What::Admitted, &["Bob"], Role::Unspecified, "Ann let Bob in", "Ann同意Bob加入了群聊"),
            (
                What::ApprovalOn,
                &[],
                Role::Unspecified,
                "Ann wants who comes by a link to ask",
                "Ann开启了入群审批",
            ),
            (
                What::ApprovalOff,
                &[],
                Role::Unspecified,
                "Ann lets in who comes by a link",
                "Ann关闭了入群审批",
            ),
            (What::Removed, &["Bob"], Role::Unspecified, "Ann removed Bob", "Ann将Bob移出了群聊"),
            (What::AllMuted, &[], Role::Unspecified, "Ann muted everybody", "Ann开启了全员禁言"),
            (What::AllUnmuted, &[], Role::Unspecified, "Ann lets everybody write again", "Ann解除了全员禁言"),
            (What::Muted, &["Bob"], Role::Unspecified, "Ann muted Bob", "Ann将Bob禁言"),
            (What::Unmuted, &["Bob"], Role::Unspecified, "Ann lets Bob write again", "Ann解除了Bob的禁言"),
            (What::Dissolved, &[], Role::Unspecified, "Ann ended the group", "Ann解散了群聊"),
            (What::Renamed, &[], Role::Unspecified, "Ann named the group \"Tea\"", "Ann将群名改为“Tea”"),
            (What::RoleGiven, &["Bob"], Role::Owner, "Ann made Bob the owner", "Ann将群主转让给Bob"),
            (What::RoleGiven, &["Bob"], Role::Admin, "Ann made Bob an admin", "Ann将Bob设为管理员"),
            (What::RoleGiven, &["Bob"], Role::Member, "Ann made Bob a member", "Ann将Bob设为普通成员"),
        ] {
            let notice = notice(what, users, role);
            assert_eq!(sentence(&notice, Locale::English), english);
            assert_eq!(sentence(&notice, Locale::Chinese), chinese);
        }
        for locale in Locale::ALL {
            let unknown = proto::Notice { what: 99, ..notice(What::Left, &[], Role::Member) };
            assert_eq!(sentence(&unknown, locale), locale.says(Phrase::NotShownHere));
        }
    }
}
