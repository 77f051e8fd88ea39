package storetest

import (
	"testing"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/servers"
)

// testDiscovery: public servers are found by the beginnings of their words, page by page, and as soon as one is not
// public or not there it is not found.
func testDiscovery(t *testing.T, w *world) {
	find := func(query string, after beep.ServerID, limit int) ([]servers.Server, beep.ServerID) {
		t.Helper()
		page, next, err := w.PublicServers(w.ctx, servers.DiscoveryQuery{Tokens: servers.QueryTokens(query), After: after, Limit: limit})
		if err != nil {
			t.Fatal(err)
		}
		return page, next
	}
	found := func(query string) []beep.ServerID {
		t.Helper()
		page, next := find(query, 0, 100)
		equal(t, query+": the end", next, 0)
		return ids(page)
	}
	equal(t, "none is public", found(""), nil)
	var all []servers.Server // the greatest id first
	for i, name := range []string{"Port of Gênes", "Le Port", "Portugal"} {
		s := w.newServer(t, mint[beep.UserID](w))
		s.Name, s.Public, s.SystemChannel = name, true, w.general
		if i == 2 {
			s.Description = "genealogy of L"
		}
		w.must(t, servers.Commit{Scope: beep.ServerScope(s.ID), Changes: []servers.Change{servers.ServerSet{Server: s}}})
		all = append([]servers.Server{s}, all...)
	}
	page, next := find("", 0, 100)
	equal(t, "all, whole", page, all)
	equal(t, "the end", next, 0)
	list := ids(all)
	for query, want := range map[string][]beep.ServerID{
		"port": list, "PÓRT": list, "portu": list[:1], "l": list[:2], "gene": {list[0], list[2]}, "port gene": {list[0], list[2]},
		"gênés o": {list[2]}, "ort": nil, "port zebra": nil, "portugal portugais": nil, "日本": list[1:], "語": nil,
	} {
		equal(t, query, found(query), want)
	}
	page, next = find("port", 0, 2)
	equal(t, "the first page", ids(page), list[:2])
	equal(t, "where the next begins", next, list[1])
	page, next = find("port", next, 2)
	equal(t, "the next page", ids(page), list[2:])
	equal(t, "its end", next, 0)

	all[0].Public = false
	w.must(t, servers.Commit{Scope: beep.ServerScope(list[0]), Changes: []servers.Change{servers.ServerSet{Server: all[0]}}})
	all[1].Name = "La Gare"
	w.must(t, servers.Commit{Scope: beep.ServerScope(list[1]), Changes: []servers.Change{servers.ServerSet{Server: all[1]}}})
	equal(t, "without what is not public, or called otherwise", found("port"), list[2:])
	equal(t, "by the new name", found("gar"), list[1:2])
	w.must(t, servers.Commit{Scope: beep.ServerScope(list[2]), Changes: []servers.Change{servers.ServerRemoved{ID: list[2]}}})
	equal(t, "without what is not there", found(""), list[1:2])
	equal(t, "Server", value(w.Server(w.ctx, list[0]))(t), all[0])
}
