package sqlstore_test

import (
	"testing"

	"github.com/beep-chat/beep/kit/sqldb/sqltest"
	"github.com/beep-chat/beep/messages"
	"github.com/beep-chat/beep/messages/sqlstore"
	"github.com/beep-chat/beep/messages/storetest"
)

func open(t testing.TB, url string) *sqlstore.Store {
	t.Helper()
	s, err := sqlstore.Open(t.Context(), url)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

func TestStore(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, fresh func(t testing.TB) string) {
		t.Parallel()
		storetest.Run(t, func(t testing.TB) messages.Store { return open(t, fresh(t)) })
	})
}
