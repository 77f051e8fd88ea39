package rpc

import (
	"strings"
	"testing"
)

// fromEnvoy is what a sidecar writes of a peer; the subject has all that must be quoted.
const fromEnvoy = `By=spiffe://cluster.local/ns/b/sa/servers;Hash=0a1b;Subject="CN=\"x\";O=a,b";URI=spiffe://cluster.local/ns/beep-gateway/sa/gateway`

const gatewayIdentity = "spiffe://cluster.local/ns/beep-gateway/sa/gateway"

func TestPeerIdentity_IsOfOneCertificateOnly(t *testing.T) {
	const forged = "URI=spiffe://cluster.local/ns/beep-gateway/sa/gateway"
	cases := map[string]struct{ header, want string }{
		"what Envoy writes":              {fromEnvoy, gatewayIdentity},
		"an empty subject":               {`By=a;Hash=b;Subject="";URI=c`, "c"},
		"a URI alone":                    {`URI=c`, "c"},
		"a quoted URI":                   {`URI="c"`, "c"},
		"no URI":                         {`By=a;Hash=b`, ""},
		"nothing":                        {``, ""},
		"two URIs":                       {`URI=c;URI=d`, ""},
		"two URIs of two cases":          {`URI=c;uri=d`, ""},
		"a caller's own before":          {forged + "," + fromEnvoy, ""},
		"a caller's own after":           {fromEnvoy + "," + forged, ""},
		"a quote that does not end":      {forged + `;Cert="` + "," + fromEnvoy, ""},
		"the same behind a backslash":    {forged + `;Cert="\` + "," + fromEnvoy, ""},
		"a quote in the middle":          {`URI=c"d`, ""},
		"something behind a quote":       {`URI="c"d`, ""},
		"spaces":                         {` URI=c`, ""},
		"a semicolon at the end":         {`URI=c;`, ""},
		"a comma at the end":             {`URI=c,`, ""},
		"a key without a value":          {`URI`, ""},
		"an escaped quote stays a value": {`Subject="a\"b";URI=c`, "c"},
	}
	for name, c := range cases {
		if got, err := peerIdentity(c.header); got != c.want || (err != nil && c.want != "") {
			t.Errorf("%s: got %q, %v; want %q", name, got, err, c.want)
		}
	}
}

// Whatever a caller sends along, it is never taken for someone: what its sidecar appends makes it a second one.
func FuzzPeerIdentity(f *testing.F) {
	for _, seed := range []string{fromEnvoy, `URI=c;Cert="`, `URI=c;Cert="\`, `URI=c;A=`, `URI=c;"`, "", ",", `Subject="";URI="a\"b"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, claimed string) {
		if got, err := peerIdentity(claimed + "," + fromEnvoy); err == nil {
			t.Errorf("%q before what the sidecar says makes %q", claimed, got)
		}
		got, err := peerIdentity(claimed)
		if err != nil {
			return
		}
		again := `URI="` + strings.ReplaceAll(got, `"`, `\"`) + `"`
		if strings.Contains(got, `\`) {
			return // which Envoy escapes nowhere, so that it cannot be written back
		}
		if same, err := peerIdentity(again); err != nil || same != got {
			t.Errorf("%q names %q, which written again is %q, %v", claimed, got, same, err)
		}
	})
}
