package app

import (
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	usersv1 "github.com/beep-chat/beep/api/beep/users/v1"
	"github.com/beep-chat/beep/kit/rpc"
)

// policy is who may call what; what is not here is refused. Guest rows take calls that are made for no
// user: those of services on their own behalf, and the one method that a guest may see.
func policy() rpc.Policy {
	// What people may call comes by the gateway, which has checked who they are.
	public := rpc.Rule{Callers: []string{targetGateway}}
	guest := rpc.Rule{Callers: []string{targetGateway}, Guest: true}
	// What services call as themselves, for nobody.
	internal := func(callers ...string) rpc.Rule { return rpc.Rule{Callers: callers, Guest: true} }
	return rpc.Policy{
		usersv1.Users_ServiceDesc.ServiceName: public,
		// And realtime: "ready" says who the user is.
		usersv1.Users_ListUsers_FullMethodName:    {Callers: []string{targetGateway, targetRealtime}},
		usersv1.Identity_ServiceDesc.ServiceName:  internal(targetGateway, targetRealtime),
		serversv1.Servers_ServiceDesc.ServiceName: public,
		// Who was sent a link sees where it leads before they have an account.
		serversv1.Servers_GetInvitation_FullMethodName: guest,
		serversv1.Roles_ServiceDesc.ServiceName:        public,
		serversv1.Moderation_ServiceDesc.ServiceName:   public,
		serversv1.Webhooks_ServiceDesc.ServiceName:     public,
		serversv1.Discovery_ServiceDesc.ServiceName:    public,
		serversv1.Threads_ServiceDesc.ServiceName:      public,

		serversv1.DirectMessages_ServiceDesc.ServiceName: public,
		// The logs hold everyone's rights. They are for who decides by them, and no client ever sees one.
		serversv1.ScopeLog_ServiceDesc.ServiceName:  internal(targetAuthz, targetRealtime),
		messagesv1.Messages_ServiceDesc.ServiceName: public,
		// And servers, as the caller: whether a message is there to hang a thread on, and how far a log goes.
		messagesv1.Messages_GetMessage_FullMethodName:   {Callers: []string{targetGateway, targetServers}},
		messagesv1.Messages_ListMessages_FullMethodName: {Callers: []string{targetGateway, targetServers}},
		messagesv1.ChannelLog_ServiceDesc.ServiceName:   internal(targetRealtime),
		// What a ban has deleted.
		messagesv1.ChannelLog_PurgeAuthor_FullMethodName: internal(targetServers),
		authzv1.Authz_ServiceDesc.ServiceName:            internal(targetServers, targetMessages),
	}
}

// idempotent are the methods that may be asked again, of another replica, when one does not answer: reads. A change
// is repeated by who asked for it, with its nonce, and by nobody on the way.
func idempotent() []string {
	return []string{
		usersv1.Users_ListUsers_FullMethodName, usersv1.Users_GetMe_FullMethodName,
		usersv1.Identity_GetKeys_FullMethodName, usersv1.Identity_Introspect_FullMethodName,
		usersv1.Identity_ListRevocations_FullMethodName,
		serversv1.Servers_ListServers_FullMethodName, serversv1.Servers_GetServer_FullMethodName,
		serversv1.Threads_GetThread_FullMethodName, serversv1.Threads_ListThreads_FullMethodName,
		serversv1.Threads_ListMyThreads_FullMethodName, serversv1.Threads_ListThreadMembers_FullMethodName,
		serversv1.DirectMessages_ListDirectMessages_FullMethodName,
		serversv1.DirectMessages_GetDirectMessage_FullMethodName,
		serversv1.Servers_ListChannels_FullMethodName, serversv1.Servers_GetChannel_FullMethodName,
		serversv1.Servers_ListMembers_FullMethodName, serversv1.Servers_GetMember_FullMethodName,
		serversv1.Roles_ListRoles_FullMethodName, serversv1.Moderation_ListBans_FullMethodName,
		serversv1.Moderation_ListAuditEntries_FullMethodName, serversv1.Webhooks_ListWebhooks_FullMethodName,
		serversv1.Discovery_ListPublicServers_FullMethodName,
		serversv1.Roles_ExplainServerRight_FullMethodName, serversv1.Roles_ViewAsRoles_FullMethodName,
		serversv1.Servers_ExplainChannelRight_FullMethodName,
		serversv1.Servers_GetInvitation_FullMethodName,
		serversv1.ScopeLog_GetRevs_FullMethodName, serversv1.ScopeLog_ListChanges_FullMethodName, serversv1.ScopeLog_ListScopes_FullMethodName,
		serversv1.ScopeLog_ResolveChannel_FullMethodName,
		messagesv1.Messages_ListMessages_FullMethodName, messagesv1.Messages_GetMessage_FullMethodName,
		messagesv1.ChannelLog_Since_FullMethodName, messagesv1.ChannelLog_GetHeads_FullMethodName,
		authzv1.Authz_Check_FullMethodName, authzv1.Authz_ListVisibleChannels_FullMethodName,
		authzv1.Authz_CheckActions_FullMethodName, authzv1.Authz_Explain_FullMethodName, authzv1.Authz_ViewAs_FullMethodName,
	}
}
