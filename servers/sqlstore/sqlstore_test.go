package sqlstore_test

import (
	"testing"

	"github.com/beep-chat/beep/kit/sqldb/sqltest"
	"github.com/beep-chat/beep/servers"
	"github.com/beep-chat/beep/servers/sqlstore"
	"github.com/beep-chat/beep/servers/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Helper()
		storetest.Run(t, func(t *testing.T) servers.Store {
			t.Helper()
			return open(t, url(t))
		})
	})
}

func open(t *testing.T, url string) *sqlstore.Store {
	t.Helper()
	store, err := sqlstore.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}
