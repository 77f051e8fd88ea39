package sqldb

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
)

// cached looks into the writer's connection; inside a transaction, where it is at rest.
func cached(t *testing.T, conn execer) *cachingConn {
	t.Helper()
	c, ok := conn.(*sql.Conn)
	if !ok {
		t.Fatalf("the transaction runs on a %T", conn)
	}
	var found *cachingConn
	err := c.Raw(func(driverConn any) error {
		found, _ = driverConn.(*cachingConn)
		return nil
	})
	if err != nil || found == nil {
		t.Fatalf("the connection keeps no statements: %v", err)
	}
	return found
}

func TestStatements_ArePreparedOncePerConnection(t *testing.T) {
	db, err := Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "test.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Tx(t.Context(), func(tx *Tx) error {
		conn := cached(t, tx.conn)
		var n int
		query := func(text string) error { return tx.QueryRow(t.Context(), text, 1).Scan(&n) }
		if err := query("SELECT ?"); err != nil {
			return err
		}
		kept := conn.statements["SELECT ?"]
		if err := query("SELECT ?"); err != nil || kept == nil || conn.statements["SELECT ?"] != kept {
			t.Errorf("the second run was prepared anew: %v", err)
		}
		rows, err := tx.Query(t.Context(), "SELECT ? UNION SELECT 7", 1) // in use: not to be closed to make room
		if err != nil {
			return err
		}
		for i := range 3 * maxStatements {
			if err := query(fmt.Sprintf("SELECT ? + %d", i)); err != nil {
				return err
			}
			if len(conn.statements) > maxStatements || conn.order.Len() != len(conn.statements) {
				t.Fatalf("%d statements and %d places, want at most %d", len(conn.statements), conn.order.Len(), maxStatements)
			}
		}
		if conn.statements["SELECT ?"] != nil {
			t.Error("the least used statement was kept")
		}
		sum := 0
		for rows.Next() {
			if err := rows.Scan(&n); err != nil {
				return err
			}
			sum += n
		}
		if sum != 8 {
			t.Errorf("the open read gave a sum of %d, want 8", sum)
		}
		return errors.Join(rows.Err(), rows.Close())
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}
