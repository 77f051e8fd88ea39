package sqlstore_test

import (
	"testing"

	"github.com/beep-chat/beep/kit/sqldb/sqltest"
	"github.com/beep-chat/beep/users"
	"github.com/beep-chat/beep/users/sqlstore"
	"github.com/beep-chat/beep/users/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, fresh func(t testing.TB) string) {
		storetest.Run(t, func(t *testing.T) users.Store {
			t.Helper()
			s, err := sqlstore.Open(t.Context(), fresh(t))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
			return s
		})
	})
}
