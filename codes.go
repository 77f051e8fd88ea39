package beep

// Code names one reason for a refusal. Codes are part of the public contract: never renamed, never reused.
type Code string

// The codes of every service.
const (
	CodeInternal         Code = "internal"          // a fault of ours; the answer has a trace id
	CodeUnavailable      Code = "unavailable"       // a part is down or too slow; retry with the same nonce
	CodeInvalidBody      Code = "invalid_body"      // not UTF-8, not JSON, duplicate or unknown key, wrong type, too deep
	CodeInvalidQuery     Code = "invalid_query"     // unknown, repeated or malformed query parameter
	CodeInvalidID        Code = "invalid_id"        // not a decimal id
	CodeInvalidField     Code = "invalid_field"     // fields says which and why
	CodeBodyTooLarge     Code = "body_too_large"    // 413
	CodeUnsupportedMedia Code = "unsupported_media" // 415: the body is not application/json
	CodeRouteNotFound    Code = "route_not_found"
	CodeMethodNotAllowed Code = "method_not_allowed" // 405
	CodeUnauthenticated  Code = "unauthenticated"    // no token
	CodeInvalidToken     Code = "invalid_token"      // malformed, expired, not ours, or revoked
	CodeOriginRefused    Code = "origin_refused"
	CodeCallerRefused    Code = "caller_refused" // this service may not call that method
	CodeRateLimited      Code = "rate_limited"

	CodeForbidden         Code = "forbidden" // the message names the missing right
	CodeServerNotFound    Code = "server_not_found"
	CodeServerLimit       Code = "server_limit"
	CodeNameMismatch      Code = "name_mismatch" // the name that confirms a deletion is another
	CodeBanned            Code = "banned"        // the caller is kept out of that server
	CodeBanNotFound       Code = "ban_not_found"
	CodeChannelNotFound   Code = "channel_not_found"
	CodeChannelLimit      Code = "channel_limit"
	CodeChannelsChanged   Code = "channels_changed" // an order of other channels than there are now
	CodeOverwriteNotFound Code = "overwrite_not_found"
	CodeMemberNotFound    Code = "member_not_found"
	CodeRoleNotFound      Code = "role_not_found"
	CodeRoleLimit         Code = "role_limit"
	CodeRolesChanged      Code = "roles_changed" // an order of other roles than there are now
	CodeInviteLimit       Code = "invitation_limit"
	CodeInviteNotFound    Code = "invitation_not_found" // unknown, expired, revoked and used up are one
	CodeWebhookLimit      Code = "webhook_limit"
	CodeWebhookNotFound   Code = "webhook_not_found"
	CodeOwnerCannotLeave  Code = "owner_cannot_leave"
	CodeOverwriteTarget   Code = "overwrite_target" // exactly one of role and member
	CodeChannelSynced     Code = "channel_synced"   // its overwrites are its category's
	CodeHierarchy         Code = "hierarchy"        // the target is not below the caller
	CodeUserNotFound      Code = "user_not_found"
	CodeMessageNotFound   Code = "message_not_found"
	CodeMessageEmpty      Code = "message_empty"
	CodeMessageTooLong    Code = "message_too_long"
	CodeNonceReused       Code = "nonce_reused" // the same nonce with another content or target
	CodeNotTextChannel    Code = "not_text_channel"
	CodeThreadNotFound    Code = "thread_not_found"
	CodeThreadExists      Code = "thread_exists" // the message has a thread already
	CodeThreadLimit       Code = "thread_limit"
	CodeDirectNotFound    Code = "direct_message_not_found"
	CodeDirectRefused     Code = "direct_message_refused" // the caller may not write to somebody who is named
	CodeNotGroup          Code = "not_a_group"            // a conversation between two is not renamed or left
	CodeGroupFull         Code = "group_full"
	CodeUnknownOp         Code = "unknown_op"     // a frame whose op is not of the protocol
	CodeInvalidFrame      Code = "invalid_frame"  // a frame that does not parse
	CodeNotIdentified     Code = "not_identified" // another frame before identify
	CodeUsernameTaken     Code = "username_taken"
	CodeWeakPassword      Code = "weak_password"
)
