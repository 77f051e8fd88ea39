package users_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/beep-chat/beep"
	usersv1 "github.com/beep-chat/beep/api/beep/users/v1"
	"github.com/beep-chat/beep/kit/rpc/rpctest"
	"github.com/beep-chat/beep/users"
)

const (
	client   = "beep-web"
	callback = "http://127.0.0.1:8080/callback"
	verifier = "0123456789-0123456789-0123456789-0123456789"
)

func challenge() string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func request() users.Request {
	return users.Request{
		Client: client, RedirectURI: callback, Challenge: challenge(), Nonce: "n", State: "s",
		Scopes: []string{"openid", "email"}, Browser: users.DigestOf("ann"),
	}
}

func (e *env) code(t *testing.T, s users.Session) string {
	t.Helper()
	c, err := e.IssueCode(t.Context(), request(), s)
	must(t, err)
	return c
}

func trade(c string) users.CodeTrade {
	return users.CodeTrade{Code: c, Client: client, RedirectURI: callback, Verifier: verifier}
}

// tokens trades a new code of a session.
func (e *env) tokens(t *testing.T, s users.Session) users.Issued {
	t.Helper()
	got, err := e.TradeCode(t.Context(), trade(e.code(t, s)))
	must(t, err)
	return got
}

// access signs an access token of a session, as the provider does, changed by change.
func (e *env) access(t *testing.T, s users.Session, change map[string]any) string {
	t.Helper()
	id, key, err := e.SigningKey(t.Context())
	must(t, err)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key},
		(&jose.SignerOptions{}).WithType("at+jwt").WithHeader("kid", id))
	must(t, err)
	now := time.Now()
	claims := map[string]any{
		"iss": e.Issuer(), "sub": s.User.String(), "aud": users.Audience, "sid": s.ID.String(), "client_id": client,
		"iat": now.Unix(), "exp": now.Add(users.TokenLife).Unix(), "jti": "1",
	}
	maps.Copy(claims, change)
	payload, err := json.Marshal(claims)
	must(t, err)
	jws, err := signer.Sign(payload)
	must(t, err)
	token, err := jws.CompactSerialize()
	must(t, err)
	return token
}

func TestRequest_BelongsToItsBrowser(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, e *env) {
		id, err := e.Begin(t.Context(), visitor("ann").IP, request())
		must(t, err)
		got, err := e.Pending(t.Context(), id, visitor("ann"))
		must(t, err)
		if got.State != "s" || got.Challenge != challenge() || !slices.Equal(got.Scopes, []string{"openid", "email"}) {
			t.Errorf("Pending = %+v", got)
		}
		_, err = e.Pending(t.Context(), id, visitor("mallory"))
		wantErr(t, err, users.ErrLinkOver)
		_, err = e.Pending(t.Context(), users.DigestOf("made up"), visitor("ann"))
		wantErr(t, err, users.ErrLinkOver)
		e.sleep(t, 25*time.Hour)
		_, err = e.Pending(t.Context(), id, visitor("ann"))
		wantErr(t, err, users.ErrLinkOver)
	})
}

// Requests are kept for a day, so nobody may begin them without end.
func TestRequest_OneAddressBeginsSoMany(t *testing.T) {
	t.Parallel()
	remote := func(d *users.Deps) { d.PublicURL = "https://chat.example.org" }
	bubble(t, remote, func(t *testing.T, e *env) {
		for range 1000 {
			_, err := e.Begin(t.Context(), visitor("b").IP, request())
			must(t, err)
		}
		_, err := e.Begin(t.Context(), visitor("b").IP, request())
		wantCode(t, err, beep.CodeRateLimited)
		_, err = e.Begin(t.Context(), netip.MustParseAddr("192.0.2.8"), request())
		must(t, err)
	})
}

func TestTradeCode(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, e *env) {
		ann := e.join(t, "ann")
		c := e.code(t, ann.Session)
		for name, change := range map[string]func(*users.CodeTrade){
			"another client":    func(in *users.CodeTrade) { in.Client = "beep-other" },
			"another redirect":  func(in *users.CodeTrade) { in.RedirectURI += "/" },
			"no redirect":       func(in *users.CodeTrade) { in.RedirectURI = "" },
			"no verifier":       func(in *users.CodeTrade) { in.Verifier = "" },
			"another verifier":  func(in *users.CodeTrade) { in.Verifier = strings.Repeat("x", 43) },
			"the challenge":     func(in *users.CodeTrade) { in.Verifier = challenge() },
			"a code of no one":  func(in *users.CodeTrade) { in.Code = "made up" },
			"a truncated code":  func(in *users.CodeTrade) { in.Code = in.Code[1:] },
			"an endless string": func(in *users.CodeTrade) { in.Verifier = strings.Repeat("x", 1<<20) },
		} {
			in := trade(c)
			change(&in)
			if _, err := e.TradeCode(t.Context(), in); err == nil {
				t.Errorf("%s was let through", name)
			} else {
				wantErr(t, err, users.ErrGrant)
			}
		}
		got, err := e.TradeCode(t.Context(), trade(c))
		must(t, err)
		if got.User.Username != "ann" || got.Session.ID != ann.Session.ID || got.Nonce != "n" || got.Refresh == "" ||
			!got.Proven.Equal(ann.Session.Proven) || got.Expires.Sub(beep.Now()) != users.TokenLife {
			t.Errorf("TradeCode = %+v", got)
		}
		late := e.code(t, ann.Session)
		pass(61 * time.Second)
		_, err = e.TradeCode(t.Context(), trade(late))
		wantErr(t, err, users.ErrGrant)
		over := e.code(t, ann.Session)
		must(t, e.EndSession(t.Context(), ann.Session.ID))
		_, err = e.TradeCode(t.Context(), trade(over))
		wantErr(t, err, users.ErrGrant)
	})
}

func TestTradeCode_TwiceEndsTheSession(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, e *env) {
		ann := e.join(t, "ann")
		c := e.code(t, ann.Session)
		got, err := e.TradeCode(t.Context(), trade(c))
		must(t, err)
		in := trade(c)
		in.Client = "beep-other" // which never had it, and may not end what is another's
		_, err = e.TradeCode(t.Context(), in)
		wantErr(t, err, users.ErrGrant)
		_, _, err = e.Session(t.Context(), ann.Secret)
		must(t, err)
		_, err = e.TradeCode(t.Context(), trade(c))
		wantErr(t, err, users.ErrGrant)
		_, _, err = e.Session(t.Context(), ann.Secret)
		wantErr(t, err, beep.ErrNotFound)
		_, err = e.TradeRefresh(t.Context(), client, got.Refresh, nil)
		wantErr(t, err, users.ErrGrant)
		if e.bus.revocations.Load() != 1 {
			t.Error("the end of the session was not announced")
		}
	})
}

func TestTradeRefresh(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, e *env) {
		ann := e.join(t, "ann")
		first := e.tokens(t, ann.Session)
		for name, try := range map[string]func() error{
			"another client": func() error { _, err := e.TradeRefresh(t.Context(), "other", first.Refresh, nil); return err },
			"more scopes": func() error {
				_, err := e.TradeRefresh(t.Context(), client, first.Refresh, []string{"openid", "admin"})
				return err
			},
			"nobody's": func() error { _, err := e.TradeRefresh(t.Context(), client, "made up", nil); return err },
		} {
			if err := try(); err == nil {
				t.Errorf("%s was let through", name)
			} else {
				wantErr(t, err, users.ErrGrant)
			}
		}
		second, err := e.TradeRefresh(t.Context(), client, first.Refresh, []string{"openid"})
		must(t, err)
		if second.Refresh == first.Refresh || second.User.ID != ann.Session.User || !slices.Equal(second.Scopes, []string{"openid"}) {
			t.Errorf("TradeRefresh = %+v", second)
		}
		third, err := e.TradeRefresh(t.Context(), client, second.Refresh, nil)
		must(t, err)
		if !slices.Equal(third.Scopes, []string{"openid", "email"}) {
			t.Errorf("scopes = %v, want those first granted", third.Scopes)
		}
		e.sleep(t, 7*24*time.Hour+time.Second)
		_, err = e.TradeRefresh(t.Context(), client, third.Refresh, nil)
		wantErr(t, err, users.ErrGrant)
		_, _, err = e.Session(t.Context(), ann.Secret) // an old token is no theft
		must(t, err)
	})
}

// Two tabs that trade one token at once both go on; the token coming back later is a thief's, or its victim's.
func TestTradeRefresh_ReuseEndsTheSession(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, e *env) {
		ann := e.join(t, "ann")
		first := e.tokens(t, ann.Session)
		var wg sync.WaitGroup
		var next [2]users.Issued
		for i := range next {
			wg.Go(func() {
				got, err := e.TradeRefresh(t.Context(), client, first.Refresh, nil)
				if err != nil {
					t.Error(err)
				}
				next[i] = got
			})
		}
		wg.Wait()
		pass(9 * time.Second)
		_, err := e.TradeRefresh(t.Context(), client, first.Refresh, nil)
		must(t, err) // still within the grace, which counts from the first trade
		pass(2 * time.Second)
		_, err = e.TradeRefresh(t.Context(), client, next[1].Refresh, nil)
		must(t, err)
		_, err = e.TradeRefresh(t.Context(), client, first.Refresh, nil)
		wantErr(t, err, users.ErrGrant)
		for _, got := range next {
			_, err = e.TradeRefresh(t.Context(), client, got.Refresh, nil)
			wantErr(t, err, users.ErrGrant)
		}
		_, _, err = e.Session(t.Context(), ann.Secret)
		wantErr(t, err, beep.ErrNotFound)
		list, _, err := e.ListRevocations(t.Context(), 0, 0)
		must(t, err)
		if len(list) != 1 || list[0].Session != ann.Session.ID || e.bus.revocations.Load() != 1 {
			t.Errorf("feed = %+v, announced %d times", list, e.bus.revocations.Load())
		}
	})
}

func TestTradeRefresh_GraceIsNotForMany(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, e *env) {
		first := e.tokens(t, e.join(t, "ann").Session)
		var good atomic.Int64
		var wg sync.WaitGroup
		for range 30 {
			wg.Go(func() {
				if _, err := e.TradeRefresh(t.Context(), client, first.Refresh, nil); err == nil {
					good.Add(1)
				}
			})
		}
		wg.Wait()
		if good.Load() != 10 {
			t.Errorf("%d trades of one token in its grace, want 10", good.Load())
		}
	})
}

func TestRevokeToken(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, e *env) {
		for name, token := range map[string]func(users.Opened, users.Issued) string{
			"refresh token": func(_ users.Opened, i users.Issued) string { return i.Refresh },
			"access token":  func(o users.Opened, _ users.Issued) string { return e.access(t, o.Session, nil) },
		} {
			opened := e.join(t, strings.ReplaceAll(name, " ", "-"))
			issued := e.tokens(t, opened.Session)
			presented := token(opened, issued)
			must(t, e.RevokeToken(t.Context(), client, "made up"))
			must(t, e.RevokeToken(t.Context(), "another client", presented))
			_, _, err := e.Session(t.Context(), opened.Secret)
			must(t, err)
			must(t, e.RevokeToken(t.Context(), client, presented))
			must(t, e.RevokeToken(t.Context(), client, presented))
			_, _, err = e.Session(t.Context(), opened.Secret)
			wantErr(t, err, beep.ErrNotFound)
			_, err = e.TradeRefresh(t.Context(), client, issued.Refresh, nil)
			wantErr(t, err, users.ErrGrant)
		}
		list, head, err := e.ListRevocations(t.Context(), 0, 0)
		must(t, err)
		if len(list) != 2 || head != 2 || e.bus.revocations.Load() != 2 {
			t.Errorf("feed = %+v, head %d, announced %d times; want two", list, head, e.bus.revocations.Load())
		}
	})
}

func TestIntrospect(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, e *env) {
		ann, bob := e.join(t, "ann"), e.join(t, "bob")
		_, err := e.store.UpdateUser(t.Context(), ann.Session.User, func(u *users.User) error { u.Roles = []string{"UserModerator"}; return nil })
		must(t, err)
		good := e.access(t, ann.Session, nil)
		got, err := e.Introspect(t.Context(), good)
		must(t, err)
		if !got.Active || got.User.Username != "ann" || got.Session.ID != ann.Session.ID || !slices.Equal(got.User.Roles, []string{"UserModerator"}) {
			t.Errorf("Introspect = %+v", got)
		}
		for name, change := range map[string]map[string]any{
			"another's session":   {"sid": bob.Session.ID.String()},
			"no session of ours":  {"sid": "17"},
			"a session that is 0": {"sid": "0"},
			"another issuer":      {"iss": "https://evil.example"},
			"another audience":    {"aud": client},
			"nobody":              {"sub": "17"},
		} {
			got, err := e.Introspect(t.Context(), e.access(t, ann.Session, change))
			must(t, err)
			if got.Active {
				t.Errorf("%s: active", name)
			}
		}
		must(t, e.EndSession(t.Context(), ann.Session.ID))
		got, err = e.Introspect(t.Context(), good)
		must(t, err)
		if got.Active {
			t.Error("active after the end of its session")
		}
		old := e.access(t, bob.Session, nil)
		pass(users.TokenLife + 2*time.Minute)
		got, err = e.Introspect(t.Context(), old)
		must(t, err)
		if got.Active {
			t.Error("active after its expiry")
		}
	})
}

// A new key is known before it signs, and the old one is known for as long as what it signed can live.
func TestKeys_Rotate(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, e *env) {
		first, _, err := e.SigningKey(t.Context())
		must(t, err)
		var last string
		for at := range 12 {
			e.sleep(t, 24*time.Hour*30+time.Minute)
			before, _, err := e.SigningKey(t.Context())
			must(t, err)
			pass(2 * time.Minute) // upkeep
			announced, err := e.PublicKeys(t.Context())
			must(t, err)
			if !strings.Contains(string(announced), before) || strings.Count(string(announced), `"kid"`) < 2 {
				t.Fatalf("month %d: announced %s while %s signs", at, announced, before)
			}
			if strings.Contains(string(announced), `"d"`) {
				t.Fatal("a private key is public")
			}
			if before == last {
				t.Fatalf("month %d: %s signs for a second month", at, before)
			}
			last = before
			pass(61 * time.Minute)
			after, _, err := e.SigningKey(t.Context())
			must(t, err)
			if after == before {
				t.Fatalf("month %d: %s still signs an hour after its successor was announced", at, after)
			}
		}
		known, err := e.PublicKeys(t.Context())
		must(t, err)
		if strings.Contains(string(known), first) {
			t.Error("a key of last year is still good")
		}
	})
}

func TestKeys_OneForAllReplicas(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, e *env) {
		other, err := users.New(users.Deps{Store: e.store, Bus: e.bus, PublicURL: "http://127.0.0.1:8080"})
		must(t, err)
		ids := make([]string, 2)
		var wg sync.WaitGroup
		for i, s := range []*users.Service{e.Service, other} {
			wg.Go(func() {
				id, _, err := s.SigningKey(t.Context())
				if err != nil {
					t.Error(err)
				}
				ids[i] = id
			})
		}
		wg.Wait()
		if ids[0] != ids[1] {
			t.Errorf("two replicas sign with %v", ids)
		}
	})
}

func TestDigest_Text(t *testing.T) {
	t.Parallel()
	want := users.DigestOf("x")
	b, err := want.MarshalText()
	must(t, err)
	var got users.Digest
	must(t, got.UnmarshalText(b))
	if got != want || want.String() != string(b) {
		t.Errorf("%s became %s", want, got)
	}
	for _, bad := range []string{"", "00", strings.Repeat("g", 64), string(b) + "00"} {
		if err := got.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q is a digest", bad)
		}
	}
}

// The contract of the users service speaks of what the service says, absent times left out.
func TestContract(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, e *env) {
		net := rpctest.New(t, &usersv1.Users_ServiceDesc, &usersv1.Identity_ServiceDesc)
		e.Register(net)
		people, identity := usersv1.NewUsersClient(net.As("gateway")), usersv1.NewIdentityClient(net.As("gateway"))
		ann := e.join(t, "ann")
		ctx := net.For(t.Context(), t, beep.Caller{User: ann.Session.User, Session: ann.Session.ID})
		me, err := people.GetMe(ctx, &usersv1.GetMeRequest{})
		must(t, err)
		if u := me.GetUser(); u.GetId() != uint64(ann.Session.User) || u.GetEmail() != "ann@example.org" || u.GetCreatedAt().AsTime().IsZero() {
			t.Errorf("GetMe = %v", me)
		}
		name := "Ann"
		updated, err := people.UpdateMe(ctx, &usersv1.UpdateMeRequest{DisplayName: &name})
		must(t, err)
		list, err := people.ListUsers(ctx, &usersv1.ListUsersRequest{Ids: []uint64{updated.GetUser().GetId()}})
		must(t, err)
		if len(list.GetUsers()) != 1 || list.GetUsers()[0].GetDisplayName() != "Ann" {
			t.Errorf("ListUsers = %v", list)
		}
		for _, id := range []uint64{0, 1 << 63} {
			_, err = people.ListUsers(ctx, &usersv1.ListUsersRequest{Ids: []uint64{id}})
			wantCode(t, err, beep.CodeInvalidID)
		}
		keys, err := identity.GetKeys(ctx, &usersv1.GetKeysRequest{})
		must(t, err)
		if keys.GetIssuer() != "http://127.0.0.1:8080" || !json.Valid(keys.GetJwks()) {
			t.Errorf("GetKeys = %v", keys)
		}
		got, err := identity.Introspect(ctx, &usersv1.IntrospectRequest{Token: e.access(t, ann.Session, nil)})
		must(t, err)
		if !got.GetActive() || got.GetUserId() != uint64(ann.Session.User) || got.GetSessionId() != uint64(ann.Session.ID) ||
			time.Until(got.GetExpiresAt().AsTime()).Round(time.Minute) != users.TokenLife {
			t.Errorf("Introspect = %v", got)
		}
		bad, err := identity.Introspect(ctx, &usersv1.IntrospectRequest{Token: "x"})
		must(t, err)
		if bad.GetActive() || bad.GetUserId() != 0 || bad.GetExpiresAt() != nil {
			t.Errorf("Introspect of a bad token = %v", bad)
		}
		must(t, e.EndSession(ctx, ann.Session.ID))
		feed, err := identity.ListRevocations(ctx, &usersv1.ListRevocationsRequest{})
		must(t, err)
		if r := feed.GetRevocations(); feed.GetHead() != 1 || len(r) != 1 || r[0].GetSeq() != 1 || r[0].GetSessionId() != uint64(ann.Session.ID) || r[0].GetNotBefore() != nil {
			t.Errorf("ListRevocations = %v", feed)
		}
		end, err := identity.ListRevocations(ctx, &usersv1.ListRevocationsRequest{After: 1<<64 - 1, Limit: 1})
		must(t, err)
		if end.GetHead() != 1 || len(end.GetRevocations()) != 0 {
			t.Errorf("ListRevocations from the end = %v", end)
		}
		_, err = identity.ListRevocations(ctx, &usersv1.ListRevocationsRequest{Limit: 1001})
		wantCode(t, err, beep.CodeInvalidField)
	})
}
