package deistest_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/version"
)

// TestRecordedExchangesOf23 replays the exchanges recorded from a real Controller of Workflow v2.22. Its refusals of
// single fields are among them, since everything was recorded as one story.
func TestRecordedExchangesOf23(t *testing.T) {
	replayFile(t, version.V2_3, "recorded-2.3.jsonl")
}

// privateKey returns a new private key in PEM, since the recordings have none.
func privateKey(t *testing.T) string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalECPrivateKey(key)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}))
}
