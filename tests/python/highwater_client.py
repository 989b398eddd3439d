"""A client of the Highwater protocol, version 1, levels 1 to 3, with nothing but Python's standard library.

Three layers, each usable by itself:

* the codec: `encode` and `decode` turn a frame (a dictionary) into the binary or the JSON form and back;
* `Connection`: a WebSocket, opened and framed by hand, that never blocks longer than it is told to;
* `Store` and `Client`: what a client keeps, and the loop that keeps it up to date.

A frame is a dictionary with the names of the JSON form (`requestId`, `nudgeOnly`). Integers of every size are `int`,
`bytes` are `bytes`, enums are numbers, nested messages are dictionaries. What is absent has its default.
"""

import base64
import errno
import hashlib
import json
import random
import re
import secrets
import select
import socket
import sqlite3
import struct
import time
import urllib.error
import urllib.request

JSON = "highwater.v1.json"
BINARY = "highwater.v1.binary"
SERVER_MESSAGE_MAX = 1 << 20
BACKOFF_FIRST, BACKOFF_MAX = 0.2, 30.0
CONVERSATIONS, MESSAGES = 3, 4
LEVEL_MAX = 3

# ----------------------------------------------------------------------------------------------------------------------
# The schema, as far as a client needs it: number, JSON name, type, label. The label is "" (one, left out when
# it has its default), "*" (repeated) or "?" (member of a oneof: told even when it has its default).

ENUMS = {
    "DeviceClass": ["DEVICE_CLASS_UNSPECIFIED", "DEVICE_CLASS_PHONE", "DEVICE_CLASS_DESKTOP", "DEVICE_CLASS_TABLET",
                    "DEVICE_CLASS_WEB"],
    "Strangers": ["STRANGERS_UNSPECIFIED", "STRANGERS_WRITE", "STRANGERS_ASK"],
    "Cause": ["CAUSE_UNSPECIFIED", "CAUSE_FOREIGN", "CAUSE_FUTURE", "CAUSE_LOSSY", "CAUSE_TOO_OLD"],
    "Role": ["ROLE_UNSPECIFIED", "ROLE_OWNER", "ROLE_ADMIN", "ROLE_MEMBER"],
    "What": ["WHAT_UNSPECIFIED", "WHAT_CREATED", "WHAT_JOINED", "WHAT_LEFT", "WHAT_REMOVED", "WHAT_RENAMED",
             "WHAT_ROLE_GIVEN", "WHAT_DISSOLVED", "WHAT_ALL_MUTED", "WHAT_ALL_UNMUTED", "WHAT_MUTED", "WHAT_UNMUTED",
             "WHAT_TURNED", "WHAT_ANNOUNCED", "WHAT_JOINED_BY_LINK", "WHAT_ASKED", "WHAT_ADMITTED",
             "WHAT_APPROVAL_ON", "WHAT_APPROVAL_OFF"],
}

SCHEMA = {
    "ClientFrame": [
        (1, "requestId", "uint64", ""), (2, "snapshot", "bytes", ""), (10, "hello", "Hello", "?"),
        (11, "heartbeat", "Nothing", "?"), (12, "sync", "Sync", "?"), (13, "send", "Send", "?"),
        (14, "register", "Register", "?"), (15, "signIn", "SignIn", "?"), (16, "signOut", "Nothing", "?"),
        (17, "listDevices", "Nothing", "?"), (18, "endDevice", "EndDevice", "?"), (19, "findUser", "FindUser", "?"),
        (20, "heads", "Heads", "?"), (21, "range", "Range", "?"), (22, "compare", "Compare", "?"),
        (23, "signInWithToken", "SignInWithToken", "?"),
        (24, "changePassword", "ChangePassword", "?"), (25, "createUser", "CreateUser", "?"),
        (26, "eraseAccount", "EraseAccount", "?"), (27, "setProfile", "SetProfile", "?"),
        (28, "setStrangers", "SetStrangers", "?"),
        (30, "blockUser", "BlockUser", "?"), (31, "unblockUser", "UnblockUser", "?"),
        (32, "noteContact", "NoteContact", "?"), (33, "deleteContact", "DeleteContact", "?"),
        (34, "askContact", "AskContact", "?"), (35, "acceptContact", "AcceptContact", "?"),
        (36, "refuseContact", "RefuseContact", "?"), (37, "withdrawContact", "WithdrawContact", "?"),
        (40, "createGroup", "CreateGroup", "?"), (41, "addMembers", "AddMembers", "?"),
        (42, "removeMember", "RemoveMember", "?"), (43, "leaveGroup", "LeaveGroup", "?"),
        (44, "renameGroup", "RenameGroup", "?"), (45, "giveRole", "GiveRole", "?"),
        (46, "listMembers", "ListMembers", "?"), (47, "dissolveGroup", "DissolveGroup", "?"),
        (48, "muteGroup", "MuteGroup", "?"), (49, "muteMember", "MuteMember", "?"),
        (60, "createChannel", "CreateChannel", "?"), (61, "follow", "Follow", "?"),
        (62, "unfollow", "Unfollow", "?"), (63, "turnGroup", "TurnGroup", "?"),
        (70, "markRead", "MarkRead", "?"), (71, "setConversation", "SetConversation", "?"),
        (72, "askWatermarks", "AskWatermarks", "?"), (73, "setPrivacy", "SetPrivacy", "?"),
        (90, "describeGroup", "DescribeGroup", "?"), (91, "setAnnouncement", "SetAnnouncement", "?"),
        (92, "makeLink", "MakeLink", "?"), (93, "listLinks", "ListLinks", "?"), (94, "revokeLink", "RevokeLink", "?"),
        (95, "lookAtLink", "LookAtLink", "?"), (96, "joinByLink", "JoinByLink", "?"),
        (97, "setApproval", "SetApproval", "?"), (98, "listJoinRequests", "ListJoinRequests", "?"),
        (99, "answerJoinRequest", "AnswerJoinRequest", "?")],
    "ServerFrame": [
        (1, "requestId", "uint64", ""), (10, "greeting", "Greeting", "?"), (11, "heartbeat", "HeartbeatAnswer", "?"),
        (12, "page", "Page", "?"), (13, "sent", "Sent", "?"), (14, "signedIn", "SignedIn", "?"),
        (15, "done", "Nothing", "?"), (16, "deviceList", "DeviceList", "?"), (17, "user", "User", "?"),
        (18, "heads", "HeadList", "?"), (19, "entries", "EntryList", "?"),
        (20, "difference", "Difference", "?"),
        (30, "push", "Page", "?"), (31, "nudge", "Nothing", "?"), (32, "watermark", "Watermark", "?"),
        (33, "watermarks", "WatermarkList", "?"), (40, "error", "Error", "?"),
        (50, "groupCreated", "GroupCreated", "?"), (52, "memberList", "MemberList", "?"),
        (53, "groupInfo", "GroupInfo", "?"), (54, "linkList", "LinkList", "?"),
        (55, "joinRequestList", "JoinRequestList", "?")],
    "Nothing": [],
    "Hello": [
        (1, "token", "string", ""), (2, "level", "uint32", ""), (3, "kinds", "uint32", "*"),
        (4, "context", "uint32", ""), (5, "nudgeOnly", "bool", ""), (6, "locale", "string", ""),
        (7, "client", "string", "")],
    "Greeting": [
        (1, "userId", "fixed64", ""), (2, "deviceId", "fixed64", ""), (3, "level", "uint32", ""),
        (4, "kinds", "Kind", "*"), (5, "capabilities", "string", "*"), (6, "day", "uint32", ""),
        (7, "timeMs", "int64", ""), (8, "heartbeatMs", "uint32", ""), (9, "textBytesMax", "uint32", ""),
        (10, "frameBytesMax", "uint32", ""), (11, "inFlightMax", "uint32", ""), (12, "dedupDays", "uint32", ""),
        (13, "bodies", "string", "")],
    "Kind": [(1, "number", "uint32", ""), (2, "name", "string", "")],
    "HeartbeatAnswer": [(1, "day", "uint32", "")],
    "Register": [
        (1, "name", "string", ""), (2, "password", "string", ""), (3, "invite", "string", ""),
        (4, "device", "DeviceInfo", "?")],
    "SignIn": [
        (1, "name", "string", ""), (2, "password", "string", ""), (3, "device", "DeviceInfo", "?"),
        (4, "inPlaceOf", "fixed64", "")],
    "SignInWithToken": [(1, "token", "string", ""), (2, "device", "DeviceInfo", "?"), (3, "inPlaceOf", "fixed64", "")],
    "DeviceInfo": [(1, "name", "string", ""), (2, "deviceClass", "DeviceClass", "")],
    "SignedIn": [(1, "userId", "fixed64", ""), (2, "deviceId", "fixed64", ""), (3, "token", "string", "")],
    "DeviceList": [(1, "devices", "Device", "*")],
    "Device": [
        (1, "deviceId", "fixed64", ""), (2, "name", "string", ""), (3, "deviceClass", "DeviceClass", ""),
        (4, "createdMs", "int64", ""), (5, "current", "bool", "")],
    "EndDevice": [(1, "deviceId", "fixed64", "?"), (2, "allOthers", "bool", "?")],
    "ChangePassword": [
        (1, "oldPassword", "string", ""), (2, "newPassword", "string", ""), (3, "endOtherDevices", "bool", "")],
    "EraseAccount": [(1, "password", "string", "")],
    "Erased": [(1, "account", "bool", "")],
    "FindUser": [(1, "name", "string", "")],
    "CreateUser": [(1, "name", "string", ""), (2, "password", "string", ""), (3, "bot", "bool", "")],
    "User": [
        (1, "userId", "fixed64", ""), (2, "name", "string", ""), (3, "bot", "bool", ""), (4, "displayName", "string", ""),
        (5, "avatar", "string", ""), (6, "about", "string", "")],
    "SetStrangers": [(1, "strangers", "Strangers", "")],
    "SetProfile": [(1, "displayName", "string", ""), (2, "avatar", "string", ""), (3, "about", "string", "")],
    "BlockUser": [(1, "userId", "fixed64", "")],
    "UnblockUser": [(1, "userId", "fixed64", "")],
    "NoteContact": [(1, "userId", "fixed64", ""), (2, "remark", "string", ""), (3, "labels", "string", "*")],
    "DeleteContact": [(1, "userId", "fixed64", "")],
    "AskContact": [(1, "userId", "fixed64", ""), (2, "greeting", "string", "")],
    "AcceptContact": [(1, "userId", "fixed64", "")],
    "RefuseContact": [(1, "userId", "fixed64", "")],
    "WithdrawContact": [(1, "userId", "fixed64", "")],
    "CreateGroup": [(1, "clientGroupId", "bytes", ""), (2, "name", "string", ""), (3, "userIds", "fixed64", "*")],
    "GroupCreated": [(1, "conversationId", "fixed64", "")],
    "AddMembers": [(1, "conversationId", "fixed64", ""), (2, "userIds", "fixed64", "*")],
    "RemoveMember": [(1, "conversationId", "fixed64", ""), (2, "userId", "fixed64", "")],
    "LeaveGroup": [(1, "conversationId", "fixed64", "")],
    "DissolveGroup": [(1, "conversationId", "fixed64", "")],
    "MuteGroup": [(1, "conversationId", "fixed64", ""), (2, "muted", "bool", "")],
    "MuteMember": [(1, "conversationId", "fixed64", ""), (2, "userId", "fixed64", ""), (3, "muted", "bool", "")],
    "DescribeGroup": [(1, "conversationId", "fixed64", "")],
    "GroupInfo": [
        (1, "name", "string", ""), (2, "allMuted", "bool", ""), (3, "muted", "bool", ""), (4, "channel", "bool", ""),
        (5, "followers", "uint64", ""), (6, "announcement", "Announcement", "?"),
        (7, "conversationId", "fixed64", ""), (8, "members", "uint32", ""), (9, "approval", "bool", ""),
        (10, "asked", "bool", "")],
    "CreateChannel": [(1, "clientChannelId", "bytes", ""), (2, "name", "string", "")],
    "Follow": [(1, "conversationId", "fixed64", "")],
    "Unfollow": [(1, "conversationId", "fixed64", "")],
    "TurnGroup": [(1, "conversationId", "fixed64", ""), (2, "channel", "bool", "")],
    "Announcement": [(1, "text", "string", ""), (2, "by", "User", "?"), (3, "atMs", "int64", "")],
    "SetAnnouncement": [(1, "conversationId", "fixed64", ""), (2, "text", "string", "")],
    "MakeLink": [
        (1, "conversationId", "fixed64", ""), (2, "linkId", "bytes", ""), (3, "validS", "uint32", ""),
        (4, "usesMax", "uint32", "")],
    "ListLinks": [(1, "conversationId", "fixed64", "")],
    "RevokeLink": [(1, "conversationId", "fixed64", ""), (2, "linkId", "bytes", "")],
    "LookAtLink": [(1, "code", "string", "")],
    "JoinByLink": [(1, "code", "string", ""), (2, "greeting", "string", "")],
    "SetApproval": [(1, "conversationId", "fixed64", ""), (2, "approval", "bool", "")],
    "ListJoinRequests": [(1, "conversationId", "fixed64", "")],
    "AnswerJoinRequest": [
        (1, "conversationId", "fixed64", ""), (2, "userId", "fixed64", ""), (3, "accepted", "bool", "")],
    "JoinRequestList": [(1, "requests", "JoinRequest", "*")],
    "JoinRequest": [(1, "user", "User", "?"), (2, "greeting", "string", ""), (3, "askedAtMs", "int64", "")],
    "LinkList": [(1, "links", "Link", "*")],
    "Link": [
        (1, "linkId", "bytes", ""), (2, "code", "string", ""), (3, "by", "User", "?"), (4, "untilMs", "int64", ""),
        (5, "usesMax", "uint32", ""), (6, "used", "uint32", "")],
    "RenameGroup": [(1, "conversationId", "fixed64", ""), (2, "name", "string", "")],
    "GiveRole": [(1, "conversationId", "fixed64", ""), (2, "userId", "fixed64", ""), (3, "role", "Role", "")],
    "ListMembers": [(1, "conversationId", "fixed64", ""), (2, "after", "fixed64", ""), (3, "limit", "uint32", "")],
    "MemberList": [(1, "members", "Member", "*"), (2, "next", "fixed64", "")],
    "Member": [
        (1, "userId", "fixed64", ""), (2, "name", "string", ""), (3, "role", "Role", ""), (4, "displayName", "string", ""),
        (5, "avatar", "string", "")],
    "MarkRead": [(1, "conversationId", "fixed64", ""), (2, "seq", "uint64", "")],
    "SetConversation": [
        (1, "conversationId", "fixed64", ""), (2, "mutedUntilMs", "int64", ""), (3, "pinned", "bool", "")],
    "AskWatermarks": [
        (1, "conversationId", "fixed64", ""), (2, "seq", "uint64", ""), (3, "after", "fixed64", ""),
        (4, "limit", "uint32", "")],
    "Watermark": [
        (1, "conversationId", "fixed64", ""), (2, "userId", "fixed64", ""), (3, "deliveredSeq", "uint64", ""),
        (4, "readSeq", "uint64", "")],
    "WatermarkList": [
        (1, "conversationId", "fixed64", ""), (2, "watermarks", "Watermark", "*"), (3, "next", "fixed64", ""),
        (4, "deliveredTold", "bool", ""), (5, "readTold", "bool", "")],
    "SetPrivacy": [(1, "hidesRead", "bool", "")],
    "Send": [
        (1, "clientMessageId", "bytes", ""), (2, "day", "uint32", ""), (3, "conversationId", "fixed64", "?"),
        (4, "userId", "fixed64", "?"), (5, "userName", "string", "?"), (6, "text", "string", ""),
        (7, "shownSeq", "uint64", ""), (8, "custom", "Custom", "?")],
    "Custom": [(1, "schema", "string", ""), (2, "json", "string", ""), (3, "fallback", "string", "")],
    "Sent": [(1, "conversationId", "fixed64", ""), (2, "seq", "uint64", ""), (3, "sentAtMs", "int64", "")],
    "Sync": [(1, "limit", "uint32", ""), (2, "waitMs", "uint32", "")],
    "Page": [
        (1, "base", "bytes", ""), (2, "snapshot", "bytes", ""), (3, "more", "bool", ""), (4, "items", "Item", "*"),
        (5, "entries", "Entry", "*"), (6, "rebuild", "Rebuild", "?"), (7, "gaps", "Gap", "*"),
        (8, "handBack", "bool", ""), (9, "complete", "bool", ""), (10, "messagesGap", "bool", ""),
        (11, "levelChanged", "LevelChange", "?"),
        (12, "valid", "Valid", "*"), (13, "validComplete", "bool", "")],
    "LevelChange": [(1, "kinds", "uint32", "*")],
    "Valid": [(1, "conversationId", "fixed64", ""), (2, "seq", "uint64", "")],
    "Item": [
        (1, "kind", "uint32", ""), (2, "key", "string", ""), (3, "deleted", "bool", ""), (4, "value", "string", "")],
    "Entry": [
        (1, "conversationId", "fixed64", ""), (2, "seq", "uint64", ""), (3, "senderId", "fixed64", ""),
        (4, "sentAtMs", "int64", ""), (5, "clientMessageId", "bytes", ""), (6, "text", "string", "?"),
        (7, "custom", "Custom", "?"), (8, "notice", "Notice", "?"), (9, "erased", "Erased", "?"),
        (12, "uncounted", "uint64", ""), (13, "readSeq", "uint64", "")],
    "Notice": [
        (1, "what", "What", ""), (2, "by", "string", ""), (3, "users", "User", "*"), (4, "name", "string", ""),
        (5, "role", "Role", ""), (6, "text", "string", "")],
    "Rebuild": [(1, "cause", "Cause", "")],
    "Gap": [(1, "conversationId", "fixed64", ""), (2, "fromSeq", "uint64", ""), (3, "toSeq", "uint64", "")],
    "Heads": [(1, "after", "uint64", ""), (2, "limit", "uint32", "")],
    "HeadList": [(1, "heads", "Head", "*"), (2, "next", "uint64", "")],
    "Head": [
        (1, "conversationId", "fixed64", ""), (2, "seq", "uint64", ""), (3, "oldestSeq", "uint64", ""),
        (10, "count", "uint64", ""), (11, "readSeq", "uint64", ""), (12, "readCount", "uint64", ""),
        (13, "ownSeqs", "uint64", "*"), (14, "unread", "uint64", "")],
    "Range": [(1, "conversationId", "fixed64", ""), (2, "fromSeq", "uint64", ""), (3, "toSeq", "uint64", "")],
    "EntryList": [(1, "conversationId", "fixed64", ""), (2, "entries", "Entry", "*"), (3, "more", "bool", "")],
    "Compare": [(1, "items", "HeldItem", "*"), (2, "entries", "HeldEntry", "*"), (3, "limit", "uint32", "")],
    "HeldItem": [(1, "kind", "uint32", ""), (2, "key", "string", ""), (3, "version", "uint64", "")],
    "HeldEntry": [(1, "conversationId", "fixed64", ""), (2, "seq", "uint64", ""), (3, "version", "uint64", "")],
    "Difference": [
        (1, "items", "VersionedItem", "*"), (2, "deletes", "HeldItem", "*"), (3, "entries", "VersionedEntry", "*"),
        (4, "more", "bool", "")],
    "VersionedItem": [(1, "version", "uint64", ""), (2, "item", "Item", "?")],
    "VersionedEntry": [(1, "version", "uint64", ""), (2, "entry", "Entry", "?")],
    "Error": [
        (1, "code", "uint32", ""), (2, "name", "string", ""), (3, "message", "string", ""), (4, "retry", "bool", ""),
        (5, "retryAfterMs", "uint32", "")],
}
BY_NUMBER = {kind: {field[0]: field for field in fields} for kind, fields in SCHEMA.items()}
VARINTS = {"uint32", "uint64", "int64", "bool"} | set(ENUMS)


class CodecError(ValueError):
    """Bytes that are not a frame."""


def encode(subprotocol, kind, message):
    """The bytes of a message in the encoding of the subprotocol."""
    if subprotocol == JSON:
        return json.dumps(_to_json(kind, message), ensure_ascii=False, separators=(",", ":")).encode()
    return _to_binary(kind, message)


def decode(subprotocol, kind, data):
    """The message that the bytes hold. Fields that this client does not know are left out."""
    try:
        if subprotocol == JSON:
            return _from_json(kind, json.loads(data))
        return _from_binary(kind, data)
    except (ValueError, IndexError, TypeError, AttributeError, struct.error) as cause:
        raise CodecError(f"not a {kind}: {cause}") from cause


def _is_default(value):
    return value in (0, "", b"", False)


def _to_json(kind, message):
    result = {}
    for _, name, of, label in SCHEMA[kind]:
        if name not in message or (label == "" and _is_default(message[name])):
            continue
        value = message[name]
        result[name] = [_value_to_json(of, one) for one in value] if label == "*" else _value_to_json(of, value)
    return result


def _value_to_json(of, value):
    if of in SCHEMA:
        return _to_json(of, value)
    if of in ("uint64", "int64", "fixed64"):
        return str(value)
    if of == "bytes":
        return base64.b64encode(value).decode()
    if of in ENUMS:
        return ENUMS[of][value] if 0 <= value < len(ENUMS[of]) else value
    return value


def _from_json(kind, source):
    if not isinstance(source, dict):
        raise CodecError(f"{kind} is not an object")
    result = {}
    for _, name, of, label in SCHEMA[kind]:
        given = source.get(name)
        if given is None:
            given = source.get(re.sub("[A-Z]", lambda letter: "_" + letter[0].lower(), name))
        if given is None:
            continue
        if label == "*":
            value = [_value_from_json(of, one) for one in given]
            if value:
                result[name] = value
        else:
            value = _value_from_json(of, given)
            if label == "?" or not _is_default(value):
                result[name] = value
    return result


def _value_from_json(of, value):
    if of in SCHEMA:
        return _from_json(of, value)
    if of in ("uint64", "int64", "fixed64", "uint32"):
        return int(value)
    if of == "bytes":
        return base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    if of in ENUMS and isinstance(value, str):
        return ENUMS[of].index(value) if value in ENUMS[of] else 0
    return value


def _varint(value):
    value &= (1 << 64) - 1
    result = bytearray()
    while value > 0x7F:
        result.append(value & 0x7F | 0x80)
        value >>= 7
    result.append(value)
    return bytes(result)


def _to_binary(kind, message):
    result = bytearray()
    for number, name, of, label in SCHEMA[kind]:
        if name not in message or (label == "" and _is_default(message[name])):
            continue
        value = message[name]
        if label == "*" and not value:
            continue
        if label == "*" and (of in VARINTS or of == "fixed64"):
            packed = b"".join(_varint(one) if of in VARINTS else struct.pack("<Q", one) for one in value)
            result += _varint(number << 3 | 2) + _varint(len(packed)) + packed
            continue
        for one in value if label == "*" else [value]:
            if of in VARINTS:
                result += _varint(number << 3) + _varint(one)
            elif of == "fixed64":
                result += _varint(number << 3 | 1) + struct.pack("<Q", one)
            else:
                data = _to_binary(of, one) if of in SCHEMA else one.encode() if of == "string" else one
                result += _varint(number << 3 | 2) + _varint(len(data)) + data
    return bytes(result)


def _read_varint(data, place):
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (1 << 64) - 1, place
        shift += 7
        if shift > 63:
            raise CodecError("a varint that does not end")


def _narrow(of, value):
    if of == "bool":
        return value != 0
    if of == "int64":
        return value - (1 << 64) if value >> 63 else value
    return value if of == "uint64" else value & 0xFFFFFFFF


def _read_value(data, place, tag):
    """The value after a tag, and the place after it. A group, which only unknown fields may be, has the value None."""
    wire = tag & 7
    if wire == 0:
        return _read_varint(data, place)
    if wire == 3:
        while True:
            inner, place = _read_varint(data, place)
            if inner & 7 == 4:
                return None, place
            _, place = _read_value(data, place, inner)
    if wire in (1, 5):
        size = 8 if wire == 1 else 4
    elif wire == 2:
        size, place = _read_varint(data, place)
    else:
        raise CodecError(f"wire type {wire}")
    if place + size > len(data):
        raise CodecError("ends too early")
    return data[place:place + size], place + size


def _from_binary(kind, data):
    result, place = {}, 0
    while place < len(data):
        tag, place = _read_varint(data, place)
        value, place = _read_value(data, place, tag)
        wire = tag & 7
        if tag >> 3 not in BY_NUMBER[kind]:
            continue
        _, name, of, label = BY_NUMBER[kind][tag >> 3]
        if of in VARINTS and label == "*" and wire == 2:
            at = 0
            while at < len(value):
                one, at = _read_varint(value, at)
                result.setdefault(name, []).append(_narrow(of, one))
            continue
        if of == "fixed64" and label == "*" and wire == 2:
            result.setdefault(name, []).extend(one for one, in struct.iter_unpack("<Q", value))
            continue
        if wire != (0 if of in VARINTS else 1 if of == "fixed64" else 2):
            continue
        if of in VARINTS:
            value = _narrow(of, value)
        elif of == "fixed64":
            value = struct.unpack("<Q", value)[0]
        elif of == "string":
            value = value.decode()
        elif of in SCHEMA:
            value = _from_binary(of, value)
        if label == "*":
            result.setdefault(name, []).append(value)
        elif label == "?" or not _is_default(value):
            result[name] = value
        else:
            result.pop(name, None)
    return result


# ----------------------------------------------------------------------------------------------------------------------
# The WebSocket


class NotOpened(OSError):
    """The upgrade was answered with another status than 101."""

    def __init__(self, status, retry_after, text):
        super().__init__(f"{status}: {text}")
        self.status, self.retry_after, self.text = status, retry_after, text


class ConnectionEnded(OSError):
    """The connection is over. `code` is that of the close frame, or 1006 when there was none."""

    def __init__(self, code, reason=""):
        super().__init__(f"closed with {code} {reason}".strip())
        self.code, self.reason = code, reason


class Connection:
    """One WebSocket. `put` queues a message, `exchange` writes and reads as far as the socket allows at the moment."""

    def __init__(self, host, port, subprotocol, seconds=5.0):
        self.subprotocol = subprotocol
        self.outgoing, self.incoming = bytearray(), bytearray()
        self.parts, self.parts_opcode = bytearray(), None
        self.messages = []
        self.ended = None
        self.socket = socket.create_connection((host, port), timeout=seconds)
        try:
            self._upgrade(host, port, time.monotonic() + seconds)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.socket.setblocking(False)
        except BaseException:
            self.socket.close()
            raise

    def _upgrade(self, host, port, deadline):
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        self.socket.sendall((
            f"GET /v1/ws HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
            f"Sec-WebSocket-Protocol: {self.subprotocol}\r\n\r\n").encode())
        answer = bytearray()
        while b"\r\n\r\n" not in answer:
            self.socket.settimeout(max(deadline - time.monotonic(), 0.001))
            data = self.socket.recv(4096)
            if not data or len(answer) > 65536:
                raise ConnectionEnded(1006, "no answer to the upgrade")
            answer += data
        head, _, rest = bytes(answer).partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        if status != 101:
            raise NotOpened(status, float(headers.get("retry-after", 0)), rest.decode("utf-8", "replace"))
        proof = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        if headers.get("sec-websocket-accept") != base64.b64encode(proof).decode():
            raise ConnectionEnded(1002, "wrong Sec-WebSocket-Accept")
        if headers.get("sec-websocket-protocol") != self.subprotocol:
            raise ConnectionEnded(1002, "another subprotocol")
        self.incoming += rest

    def put(self, data):
        """Queues one message."""
        self.put_frame(0x1 if self.subprotocol == JSON else 0x2, data)

    def put_frame(self, opcode, data):
        """Queues one final, masked frame."""
        mask = secrets.token_bytes(4)
        size = len(data)
        if size < 126:
            head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
        elif size < 65536:
            head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, size)
        pad = (mask * (size // 4 + 1))[:size]
        masked = (int.from_bytes(data, "big") ^ int.from_bytes(pad, "big")).to_bytes(size, "big")
        self.outgoing += head + mask + masked

    def exchange(self, seconds):
        """Waits at most so long for the socket, then moves what can be moved. Messages come to `self.messages`."""
        if self.ended:
            raise self.ended
        self._read_frames()
        if not self.messages:
            readable, writable, _ = select.select(
                [self.socket], [self.socket] if self.outgoing else [], [], max(seconds, 0))
            if writable:
                self._write()
            if readable:
                self._read()
                self._read_frames()
        elif self.outgoing:
            self._write()
        if self.ended and not self.messages:
            raise self.ended

    def _write(self):
        try:
            count = self.socket.send(self.outgoing)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as cause:
            # What the server said before is still to be read: a close frame tells more than a broken pipe.
            if cause.errno not in (errno.EPIPE, errno.ECONNRESET):
                self._end(1006, str(cause))
            self.outgoing.clear()
            return
        del self.outgoing[:count]

    def _read(self):
        try:
            data = self.socket.recv(65536)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as cause:
            self._end(1006, str(cause))
            return
        if data:
            self.incoming += data
        else:
            self._end(1006, "end of the stream")

    def _end(self, code, reason):
        if self.ended is None:
            self.ended = ConnectionEnded(code, reason)

    def _read_frames(self):
        while self.ended is None and len(self.incoming) >= 2:
            first, second = self.incoming[0], self.incoming[1]
            size, head = second & 0x7F, 2
            if size == 126:
                head = 4
            elif size == 127:
                head = 10
            if len(self.incoming) < head:
                return
            if head > 2:
                size = int.from_bytes(self.incoming[2:head], "big")
            if second & 0x80 or first & 0x70 or size + len(self.parts) > SERVER_MESSAGE_MAX:
                self._end(1002, "the server broke the framing")
                return
            if len(self.incoming) < head + size:
                return
            data = bytes(self.incoming[head:head + size])
            del self.incoming[:head + size]
            self._take_frame(first & 0x80 != 0, first & 0x0F, data)

    def _take_frame(self, final, opcode, data):
        if opcode == 0x8:
            code = int.from_bytes(data[:2], "big") if len(data) >= 2 else 1005
            self.put_frame(0x8, data[:2])
            self._write()
            self._end(code, data[2:].decode("utf-8", "replace"))
        elif opcode == 0x9:
            self.put_frame(0xA, data)
        elif opcode in (0x0, 0x1, 0x2):
            if (opcode == 0) != (self.parts_opcode is not None):
                self._end(1002, "fragments out of order")
                return
            self.parts_opcode = self.parts_opcode or opcode
            self.parts += data
            if final:
                self.messages.append(bytes(self.parts))
                self.parts, self.parts_opcode = bytearray(), None

    def close(self):
        """An orderly end, without waiting for the server's part of it."""
        if self.socket.fileno() >= 0:
            if self.ended is None:
                self.put_frame(0x8, struct.pack("!H", 1000))
                self._write()
            self.socket.close()

    def cut(self):
        """Ends the connection as a pulled cable would: no close frame, nothing more written or read."""
        if self.socket.fileno() >= 0:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.socket.close()


# ----------------------------------------------------------------------------------------------------------------------
# The store


class Store:
    """What a client keeps, in one SQLite file. Every method that writes is one flushed transaction.

    Ids are kept as text: they are unsigned 64-bit numbers, SQLite's integers are signed.
    """

    TABLES = """
        CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS items (
            kind INTEGER, key TEXT, value TEXT, old INTEGER, PRIMARY KEY (kind, key)) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS entries (
            conversation TEXT, seq INTEGER, sender TEXT, sent_at_ms INTEGER, message_id BLOB, text TEXT, custom TEXT,
            level INTEGER, PRIMARY KEY (conversation, seq)) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS gaps (
            conversation TEXT, from_seq INTEGER, to_seq INTEGER, PRIMARY KEY (conversation, from_seq, to_seq));
        CREATE TABLE IF NOT EXISTS doubtful (conversation TEXT PRIMARY KEY) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS outbox (
            place INTEGER PRIMARY KEY AUTOINCREMENT, message_id BLOB UNIQUE, day INTEGER, to_field TEXT, to_value TEXT,
            text TEXT, custom TEXT, shown_seq INTEGER, refused INTEGER NOT NULL DEFAULT 0);
    """

    def __init__(self, path):
        self.database = sqlite3.connect(path, isolation_level=None)
        self.database.execute("PRAGMA journal_mode=WAL")
        self.database.execute("PRAGMA synchronous=FULL")
        self.database.executescript(self.TABLES)
        self.level = 1  # of the greeting: the level that entries are told for at present

    def close(self):
        self.database.close()

    def before_commit(self):
        """Called within every transaction, after its last statement."""

    def _in_transaction(self, work):
        self.database.execute("BEGIN IMMEDIATE")
        try:
            result = work()
            self.before_commit()
            self.database.execute("COMMIT")
            return result
        except BaseException:
            self.database.execute("ROLLBACK")
            raise

    def _setting(self, name, default):
        row = self.database.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return default if row is None else row[0]

    def _set(self, name, value):
        self.database.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))

    @property
    def token(self):
        return self._setting("token", "")

    @property
    def user_id(self):
        return int(self._setting("user_id", "0"))

    @property
    def device_id(self):
        return int(self._setting("device_id", "0"))

    @property
    def snapshot(self):
        return bytes(self._setting("snapshot", b""))

    @property
    def rebuilding(self):
        return bool(self._setting("rebuilding", 0))

    @property
    def repair(self):
        """Above 0 while messages may be missing that Sync will not tell; another number for each time that was said."""
        return self._setting("repair", 0)

    @property
    def read_again(self):
        """Above 0 while entries were told for another level; another number for each time that was said."""
        return self._setting("read_again", 0)

    def keep_account(self, signed_in):
        """The answer to Register or SignIn.

        A snapshot of an earlier device of the same user stays: presenting it leads to a rebuild, which removes the
        items that are gone. Messages from before the sign-in are found by a repair. The store of another user is
        refused.
        """
        def work():
            if self.user_id not in (0, signed_in["userId"]):
                raise ValueError("this store belongs to another user")
            self._set("token", signed_in["token"])
            self._set("user_id", str(signed_in["userId"]))
            self._set("device_id", str(signed_in["deviceId"]))
            self._set("repair", self.repair + 1)
        self._in_transaction(work)

    def set_snapshot(self, snapshot):
        """For trials with damaged snapshots; a client never needs it."""
        self._in_transaction(lambda: self._set("snapshot", snapshot))

    def take(self, page, asked):
        """The rule. Says what became of the page: "taken", "nothing new" or "discarded"."""
        return self._in_transaction(lambda: self._take(page, asked))

    def _take(self, page, asked):
        begins = "rebuild" in page
        if (begins or "levelChanged" in page) and not asked:
            return "discarded"
        if not begins and page.get("base", b"") != self.snapshot[2:10]:
            return "discarded"
        if not page.get("snapshot"):
            return "nothing new"
        run = self.database.execute
        if begins:
            run("UPDATE items SET old = 1")
            self._set("rebuilding", 1)
            run("DELETE FROM doubtful")
            run("INSERT INTO doubtful SELECT DISTINCT conversation FROM entries")
        self._drop_lost(page)
        for kind in page.get("levelChanged", {}).get("kinds", []):
            if kind == MESSAGES:
                self._set("read_again", self.read_again + 1)
            else:
                run("UPDATE items SET old = 1 WHERE kind = ?", (kind,))
                self._set("rebuilding", 1)
        if begins and run("SELECT EXISTS (SELECT 1 FROM entries WHERE level != ?)", (self.level,)).fetchone()[0]:
            self._set("read_again", self.read_again + 1)
        for item in page.get("items", []):
            place = (item.get("kind", 0), item.get("key", ""))
            if item.get("deleted"):
                run("DELETE FROM items WHERE kind = ? AND key = ?", place)
            else:
                run("INSERT OR REPLACE INTO items VALUES (?, ?, ?, 0)", (*place, item.get("value", "")))
        self._add(page.get("entries", []))
        for gap in page.get("gaps", []):
            run("INSERT OR IGNORE INTO gaps VALUES (?, ?, ?)", (
                str(gap.get("conversationId", 0)), gap.get("fromSeq", 0), gap.get("toSeq", 0)))
        if page.get("complete") and self.rebuilding:
            run("DELETE FROM items WHERE old = 1")
            self._set("rebuilding", 0)
        # After what is complete with this page: the gap begins to tell conversations anew.
        if page.get("messagesGap"):
            run("UPDATE items SET old = 1 WHERE kind = ?", (CONVERSATIONS,))
            self._set("rebuilding", 1)
        if begins or page.get("messagesGap"):
            self._set("repair", self.repair + 1)
        self._set("snapshot", page["snapshot"])
        return "taken"

    def _drop_lost(self, page):
        """What is not of the server's history goes first. The outbox stays."""
        run = self.database.execute
        for valid in page.get("valid", []):
            place = (str(valid.get("conversationId", 0)), valid.get("seq", 0))
            run("DELETE FROM entries WHERE conversation = ? AND seq > ?", place)
            run("DELETE FROM gaps WHERE conversation = ? AND to_seq > ?", place)
            run("DELETE FROM doubtful WHERE conversation = ?", place[:1])
        if page.get("validComplete"):
            for table in ("entries", "gaps"):
                run(f"DELETE FROM {table} WHERE conversation IN (SELECT conversation FROM doubtful)")
            run("DELETE FROM doubtful")

    def _add(self, entries):
        run = self.database.execute
        for entry in entries:
            message_id, custom = entry.get("clientMessageId"), entry.get("custom")
            run("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (
                str(entry.get("conversationId", 0)), entry.get("seq", 0), str(entry.get("senderId", 0)),
                entry.get("sentAtMs", 0), message_id, entry.get("text"),
                json.dumps(custom) if custom is not None else None, self.level))
            if message_id:
                run("DELETE FROM outbox WHERE message_id = ?", (message_id,))

    def add(self, entries):
        """Entries that were fetched by seq. The snapshot stays as it is."""
        self._in_transaction(lambda: self._add(entries))

    def missing(self, head):
        """What the store lacks of a conversation, by what `heads` says of it: (conversation, first seq, last seq)."""
        conversation, wanted, holes = head.get("conversationId", 0), head.get("oldestSeq", 0), []
        rows = self.database.execute(
            "SELECT seq FROM entries WHERE conversation = ? AND seq BETWEEN ? AND ? ORDER BY seq",
            (str(conversation), wanted, head.get("seq", 0)))
        for (seq,) in rows:
            if seq > wanted:
                holes.append((conversation, wanted, seq - 1))
            wanted = seq + 1
        if wanted <= head.get("seq", 0):
            holes.append((conversation, wanted, head["seq"]))
        return holes

    def told_otherwise(self, head):
        """What the store has of a conversation as told for another level: (conversation, first seq, last seq)."""
        conversation, runs = head.get("conversationId", 0), []
        rows = self.database.execute(
            "SELECT seq FROM entries WHERE conversation = ? AND level != ? ORDER BY seq", (str(conversation), self.level))
        for (seq,) in rows:
            if runs and runs[-1][2] + 1 == seq:
                runs[-1] = (conversation, runs[-1][1], seq)
            else:
                runs.append((conversation, seq, seq))
        return runs

    @property
    def due(self):
        """What is to be fetched by seq; nothing when there is nothing."""
        return (self.repair, self.read_again) if self.repair or self.read_again else None

    def repaired(self, due):
        """All that was due when `due` was read is done. What became due since then is not."""
        def work():
            if self.due == due:
                self._set("repair", 0)
                self._set("read_again", 0)
        self._in_transaction(work)

    def items(self, kind):
        """The items of one kind: key to value."""
        rows = self.database.execute("SELECT key, value FROM items WHERE kind = ? ORDER BY key", (kind,))
        return {key: json.loads(value) for key, value in rows}

    def entries(self, conversation):
        """The messages of a conversation in their order, as (seq, sender, text)."""
        rows = self.database.execute(
            "SELECT seq, sender, text FROM entries WHERE conversation = ? ORDER BY seq", (str(conversation),))
        return [(seq, int(sender), text) for seq, sender, text in rows]

    def contents(self, conversation):
        """What the messages of a conversation say, by seq: a text, or the body of Custom."""
        rows = self.database.execute(
            "SELECT seq, text, custom FROM entries WHERE conversation = ?", (str(conversation),))
        return {seq: text if custom is None else json.loads(custom) for seq, text, custom in rows}

    def add_to_outbox(self, message_id, day, to_field, to_value, text, custom=None, shown_seq=0):
        self._in_transaction(lambda: self.database.execute(
            "INSERT INTO outbox (message_id, day, to_field, to_value, text, custom, shown_seq) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (message_id, day, to_field, str(to_value), text, json.dumps(custom) if custom else None, shown_seq)))

    def outbox(self):
        """What is still to be sent, oldest first, as bodies of Send."""
        rows = self.database.execute(
            "SELECT message_id, day, to_field, to_value, text, custom, shown_seq FROM outbox WHERE refused = 0 "
            "ORDER BY place")
        return [{"clientMessageId": message_id, "day": day, to_field: value if to_field == "userName" else int(value),
                 "shownSeq": shown_seq, **({"custom": json.loads(custom)} if custom else {"text": text})}
                for message_id, day, to_field, value, text, custom, shown_seq in rows]

    def refused(self):
        """Messages that were refused for good: message id to error code."""
        return dict(self.database.execute("SELECT message_id, refused FROM outbox WHERE refused != 0"))

    def settle(self, message_id, sent):
        """The message has its place: it moves from the outbox to the entries, unless its entry came first."""
        def work():
            self.database.execute(
                "INSERT OR IGNORE INTO entries SELECT ?, ?, ?, ?, message_id, text, custom, ? FROM outbox "
                "WHERE message_id = ?", (str(sent["conversationId"]), sent["seq"], str(self.user_id),
                                         sent.get("sentAtMs", 0), self.level, message_id))
            self.database.execute("DELETE FROM outbox WHERE message_id = ?", (message_id,))
        self._in_transaction(work)

    def refuse(self, message_id, code):
        self._in_transaction(lambda: self.database.execute(
            "UPDATE outbox SET refused = ? WHERE message_id = ?", (code, message_id)))


# ----------------------------------------------------------------------------------------------------------------------
# The client


class Refused(Exception):
    """The server answered with an error. Decide by `code` and `retry`."""

    def __init__(self, error):
        super().__init__(f"{error.get('code', 0)} {error.get('name', '')}: {error.get('message', '')}")
        self.code = error.get("code", 0)
        self.retry = error.get("retry", False)
        self.retry_after = error.get("retryAfterMs", 0) / 1000


class Stopped(Exception):
    """The loop must not go on by itself: sign in again, another process took over, or a mistake of the client."""


class Client:
    """One lineage of one device: a store, and a connection that may be lost at any moment."""

    def __init__(self, store, host, port, subprotocol=JSON, context=0, sync_limit=0, nudge_only=False,
                 heads_limit=0, level=LEVEL_MAX, locale=""):
        self.store, self.host, self.port, self.subprotocol = store, host, port, subprotocol
        self.context, self.sync_limit, self.nudge_only, self.heads_limit = context, sync_limit, nudge_only, heads_limit
        self.level, self.locale = level, locale
        self.connection = None
        self.synced = False     # whether the chain was told to its end on this connection
        self.paged = False      # whether a page was stored on this connection
        self.failures = 0
        self.greeting = {}
        self.day = 0
        self.seen = {}          # how many of what came, for whoever wants to watch
        self.stray_errors = []  # errors about frames that the server could not read

    # --- requests ---

    def open(self):
        """Opens the WebSocket; nothing is said on it yet."""
        if self.connection:
            self.connection.close()
        self.connection = Connection(self.host, self.port, self.subprotocol)
        self.next_request, self.pending, self.answers = 1, {}, {}
        self.greeting = {}
        self.sync_wanted, self.sync_open, self.sync_not_before = False, False, 0.0
        self.synced, self.paged = False, False
        self.sending, self.send_not_before = set(), 0.0
        self.repair_open, self.repair_not_before = None, 0.0
        self.last_written = self.last_heard = time.monotonic()

    def request(self, body, purpose="ask", detail=None):
        """Queues a request, with the newest stored snapshot, and returns its id. `body` is {"sync": {…}} and so on."""
        number = self.next_request
        self.next_request += 1
        frame = {"requestId": number, **body}
        if self.greeting:
            frame.setdefault("snapshot", self.store.snapshot)
        self.pending[number] = (purpose, detail)
        self.connection.put(encode(self.subprotocol, "ClientFrame", frame))
        self.last_written = time.monotonic()
        return number

    def ask(self, body, seconds=5.0):
        """Sends a request and returns the body of its answer; everything else that comes meanwhile is handled."""
        number = self.request(body)
        self.work_until(lambda: number in self.answers, seconds)
        answer = self.answers.pop(number)
        if "error" in answer:
            raise Refused(answer["error"])
        return answer

    def register(self, name, password, device_name=""):
        """Makes an account and its first device. Needs an open connection that was not greeted."""
        self.store.keep_account(self.ask({"register": {
            "name": name, "password": password, "device": {"name": device_name}}})["signedIn"])

    def sign_in(self, name, password, device_name=""):
        """Makes a further device of an account. Needs an open connection that was not greeted."""
        self.store.keep_account(self.ask({"signIn": {
            "name": name, "password": password, "device": {"name": device_name}}})["signedIn"])

    def sign_in_with_token(self, token, device_name=""):
        """The same for whom a host app vouches: its backend made the token. Makes the account at the first time."""
        self.store.keep_account(self.ask({"signInWithToken": {
            "token": token, "device": {"name": device_name}}})["signedIn"])

    def hello(self):
        """Says Hello on an open connection; from the greeting on the client syncs and sends by itself."""
        self.greeting = self.ask({"hello": {
            "token": self.store.token, "level": self.level, "context": self.context, "nudgeOnly": self.nudge_only,
            "locale": self.locale, "client": "python/1"}})["greeting"]
        self.store.level = self.greeting.get("level", 1)
        self.day = self.greeting.get("day", 0)
        self.sync_wanted = True

    def connect(self):
        """Opens the WebSocket and says Hello."""
        self.open()
        self.hello()

    def heartbeat(self):
        return self.request({"heartbeat": {}}, "heartbeat")

    def send(self, text, **target):
        """Puts a message into the outbox: `send("…", userName="bob")`. It leaves with the next `work`."""
        (to_field, to_value), = target.items()
        message_id = secrets.token_bytes(16)
        self.store.add_to_outbox(message_id, self.day, to_field, to_value, text)
        return message_id

    def send_custom(self, schema, document, fallback="", **target):
        """The same for a custom message, whose document is given as JSON."""
        (to_field, to_value), = target.items()
        message_id = secrets.token_bytes(16)
        custom = {"schema": schema, "json": document, "fallback": fallback}
        self.store.add_to_outbox(message_id, self.day, to_field, to_value, "", custom)
        return message_id

    # --- the loop ---

    def work(self, seconds):
        """One step: sends what is due, waits at most so long for something to come, and handles it."""
        if self.greeting:
            self.send_what_is_due()
        self.connection.exchange(min(seconds, self._until_next_duty()))
        messages, self.connection.messages = self.connection.messages, []
        for message in messages:
            self.last_heard = time.monotonic()
            self._handle(decode(self.subprotocol, "ServerFrame", message))
        if self.greeting and time.monotonic() - self.last_heard > 2 * self._heartbeat_every() + 10:
            self.connection.cut()
            raise ConnectionEnded(1006, "nothing was heard from the server")

    def work_until(self, condition, seconds):
        """Steps until the condition holds; TimeoutError after so long."""
        deadline = time.monotonic() + seconds
        while not condition():
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("the condition did not come true")
            self.work(left)

    def run_until(self, condition, seconds):
        """The whole loop: connects, works until the condition holds, and reconnects with full jitter."""
        deadline = time.monotonic() + seconds
        while not condition():
            pause = 0.0
            try:
                if self.connection is None:
                    self.connect()
                self.work_until(condition, deadline - time.monotonic())
                return
            except Refused as refusal:
                if not refusal.retry:
                    raise Stopped(str(refusal)) from refusal
                pause = refusal.retry_after
            except NotOpened as cause:
                pause = cause.retry_after
            except ConnectionEnded as cause:
                if cause.code == 4409:
                    raise Stopped(str(cause)) from cause
                asked = re.search(r"retry_after_ms=(\d+)", cause.reason)
                pause = random.uniform(0, int(asked[1]) / 1000) if asked else 0.0
            except TimeoutError:
                if time.monotonic() >= deadline:
                    raise
            except OSError:
                pass
            self.leave()
            pause += random.uniform(0, min(BACKOFF_MAX, BACKOFF_FIRST * 2 ** min(self.failures, 20)))
            self.failures += 1
            time.sleep(max(0.0, min(pause, deadline - time.monotonic())))

    def leave(self):
        """Closes the connection, if there is one; the store has everything that is needed to go on."""
        if self.connection:
            self.connection.close()
            self.connection = None

    def cut(self):
        """Drops the connection without a farewell."""
        if self.connection:
            self.connection.cut()
            self.connection = None

    def _heartbeat_every(self):
        return self.greeting.get("heartbeatMs", 30000) / 1000

    def _until_next_duty(self):
        if not self.greeting:
            return 60.0
        now = time.monotonic()
        due = [self.last_written + self._heartbeat_every()]
        if self.sync_wanted and not self.sync_open:
            due.append(self.sync_not_before)
        if self.send_not_before > now:
            due.append(self.send_not_before)
        if self._repair_is_due():
            due.append(self.repair_not_before)
        return max(0.0, min(due) - now)

    def send_what_is_due(self):
        """Queues a wanted Sync, the outbox as far as there is room, a due repair, and a due Heartbeat."""
        now = time.monotonic()
        if self.sync_wanted and not self.sync_open and now >= self.sync_not_before:
            self.sync_open, self.sync_wanted = True, False
            self.request({"sync": {"limit": self.sync_limit}}, "sync")
        # What comes beside the chain waits for a page: by it the snapshot names the server's present run.
        if self.paged and now >= self.send_not_before:
            room = max(1, self.greeting.get("inFlightMax", 4) - 3)
            for body in self.store.outbox():
                if len(self.pending) >= room:
                    break
                if body["clientMessageId"] not in self.sending:
                    self.sending.add(body["clientMessageId"])
                    self.request({"send": body}, "send", body["clientMessageId"])
        if self._repair_is_due() and now >= self.repair_not_before:
            self._begin_repair()
        if now - self.last_written >= self._heartbeat_every():
            self.heartbeat()

    def _count(self, what):
        self.seen[what] = self.seen.get(what, 0) + 1

    def _handle(self, frame):
        number = frame.get("requestId", 0)
        if number == 0:
            if "push" in frame:
                self._take(frame["push"], asked=False)
            elif "nudge" in frame:
                self._count("nudge")
                self.sync_wanted = True
            elif "error" in frame:
                self.stray_errors.append(frame["error"].get("code", 0))
            return
        purpose, detail = self.pending.pop(number, ("nobody", None))
        if purpose == "ask":
            self.answers[number] = frame
        elif purpose == "sync":
            self.sync_open = False
            if "page" in frame:
                self._take(frame["page"], asked=True)
            else:
                self.sync_wanted = True
                self.sync_not_before = time.monotonic() + self._pause(frame)
        elif purpose == "send":
            self.sending.discard(detail)
            error = frame.get("error", {})
            if "sent" in frame:
                self._count("sent")
                self.store.settle(detail, frame["sent"])
            elif error.get("retry"):
                self.send_not_before = time.monotonic() + self._pause(frame)
            else:
                self.store.refuse(detail, error.get("code", 0))
                # 305: it may have been stored by an attempt long ago; a Sync then brings its entry and settles it.
                self.sync_wanted = self.sync_wanted or error.get("code") == 305
        elif purpose in ("heads", "range"):
            self._take_repair(purpose, detail, frame)
        elif purpose == "heartbeat" and "heartbeat" in frame:
            self._count("heartbeat")
            self.day = frame["heartbeat"].get("day", self.day)

    def _pause(self, frame):
        return frame.get("error", {}).get("retryAfterMs", 0) / 1000 + random.uniform(0, BACKOFF_FIRST)

    def _take(self, page, asked):
        what = "page" if asked else "push"
        self._count(what)
        if asked and "rebuild" in page:
            self._count("rebuild")
        fate = self.store.take(page, asked)
        self._count(f"{what} {fate}")
        if fate == "discarded":
            self.sync_wanted = True
            return
        self.paged = self.paged or asked
        if fate == "taken":
            self.failures = 0
        if page.get("more"):
            self.sync_wanted = True
        elif page.get("handBack"):
            self.heartbeat()
        if page.get("messagesGap"):
            self._count("gap")
        if "levelChanged" in page:
            self._count("level changed")
        if asked:
            self.synced = not page.get("more", False)

    # --- repair: what the pages will not tell, by seq ---

    def _repair_is_due(self):
        # Not before the chain has told what it tells.
        return self.synced and not self.repair_open and self.store.due is not None

    def _begin_repair(self):
        self.repair_open, self.holes = self.store.due, []
        self.request({"heads": {"limit": self.heads_limit}}, "heads")

    def _take_repair(self, purpose, asked, frame):
        """The answer to one request of the repair; sends the next one, or ends it."""
        if "error" in frame:
            # Begun anew later, unless it would be refused again; what is there already is not asked for again.
            if not frame["error"].get("retry"):
                self.store.repaired(self.repair_open)
            self.repair_open, self.repair_not_before = None, time.monotonic() + self._pause(frame)
            return
        if purpose == "heads":
            for head in frame["heads"].get("heads", []):
                repair, read_again = self.repair_open
                self.holes += self.store.missing(head) if repair else []
                self.holes += self.store.told_otherwise(head) if read_again else []
            if frame["heads"].get("next"):
                self.request({"heads": {"after": frame["heads"]["next"], "limit": self.heads_limit}}, "heads")
                return
        else:
            entries = frame["entries"].get("entries", [])
            self._count("range")
            self.store.add(entries)
            conversation, _, last = asked
            if frame["entries"].get("more") and entries:
                self.holes.append((conversation, entries[-1]["seq"] + 1, last))
        if self.holes:
            conversation, first, last = hole = self.holes.pop()
            self.request({"range": {"conversationId": conversation, "fromSeq": first, "toSeq": last}}, "range", hole)
        else:
            self.store.repaired(self.repair_open)
            self.repair_open = None


# ----------------------------------------------------------------------------------------------------------------------
# HTTP


def http_request(host, port, body, token="", subprotocol=JSON, context=0, level=0, seconds=5.0):
    """One request by HTTP. Returns the status and the answering frame, which is None when the answer holds no frame:
    for 204 (nothing new), and for what is refused in plain text."""
    request = urllib.request.Request(
        f"http://{host}:{port}/v1/request", data=encode(subprotocol, "ClientFrame", body), method="POST",
        headers={"Content-Type": "application/json" if subprotocol == JSON else "application/x-protobuf"})
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    if context:
        request.add_header("X-Highwater-Context", str(context))
    if level:
        request.add_header("X-Highwater-Level", str(level))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=seconds) as answer:
            status, kind, data = answer.status, answer.headers.get_content_type(), answer.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            status, kind, data = refusal.code, refusal.headers.get_content_type(), refusal.read()
    holds_frame = status != 204 and kind == request.get_header("Content-type")
    return status, decode(subprotocol, "ServerFrame", data) if holds_frame else None
