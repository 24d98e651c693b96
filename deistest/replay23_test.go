package deistest_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/version"
)

// TestRecordedExchangesOf23 replays what a real Controller of Workflow v2.22 was recorded to respond: its refusals of
// single fields and all else, in the order in which they were recorded. The steps that the recording leaves out stand
// between them.
func TestRecordedExchangesOf23(t *testing.T) {
	r := replay{t: t, api: version.V2_3, learned: map[string]string{}, certificates: certificates(t)}
	r.certificates["private key"] = privateKey(t)
	r.controller = deistest.New(deistest.WithAPIVersion(version.V2_3), deistest.WithoutAdmin(),
		deistest.WithNodeLabels(map[string]string{"environ": "dev", "rack": "1"}))
	f, err := os.Open("testdata/recorded-2.3.jsonl")
	require.NoError(t, err)
	defer f.Close()
	good, all, exceptions := 0, 0, map[string]int{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		e := r.decode(lines.Text())
		switch {
		case e.Except != "":
			exceptions[e.Except]++
		case e.Name == "":
			r.step(e)
		default:
			all++
			if problem := r.play(lines.Text()); problem == "" {
				good++
			} else {
				t.Errorf("%s: %s as %q: %s", e.Name, e.Request, e.As, problem)
			}
		}
	}
	t.Logf("%d of %d recorded situations reproduced; not tried: %v", good, all, exceptions)
}

// privateKey is one in PEM. Recordings have none.
func privateKey(t *testing.T) string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalECPrivateKey(key)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}))
}
