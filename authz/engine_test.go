package authz_test

import (
	"testing"

	"github.com/beep-chat/beep/authz"
	"github.com/beep-chat/beep/authz/authztest"
)

func TestEmbedded(t *testing.T) {
	t.Parallel()
	authztest.Run(t, 500, func(_ *testing.T, log *authztest.Log) authz.Engine {
		return authztest.Embedded(log)
	})
}
