// Package beep holds the vocabulary that every part of Beep shares: ids, scopes, errors, the caller of a
// request, stored time and limits. It imports the standard library only and does no I/O.
//
// Permissions are in perm, contracts in api, plumbing in kit; the services (users, servers, messages, …)
// each have a package of their own and meet only in app.
package beep
