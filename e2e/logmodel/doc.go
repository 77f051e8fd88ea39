// Package logmodel plays random schedules against the log's protocol as it is built: the real messages, servers, authz
// and realtime, several processes' worth of each, on real stores, with clients that follow docs/realtime.md. Between
// them are a network and a bus that lose, double and reorder, stores that answer late or not at all, and processes that
// die at any point. While a schedule runs and when all is quiet again a judge holds what everyone was told against what
// was asked for; it knows the rules of the protocol and none of its code.
//
// What the judge is worth is shown by planted faults (Plants), each of which it must find.
//
// Start with Site.Play, then world (the installation), member (what people do) and judge (what must be true).
package logmodel
