package keys_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/internal/exchange"
	"github.com/deisgo/deis/keys"
)

func TestAnyIDCanBeDeleted(t *testing.T) {
	for id, path := range map[string]string{
		"two@example.com":      "/v2/keys/two@example.com",
		"with space/and slash": "/v2/keys/with%20space%2Fand%20slash",
		"a?b#c":                "/v2/keys/a%3Fb%23c",
		"a%2Fb":                "/v2/keys/a%252Fb",
		"schlüssel":            "/v2/keys/schl%C3%BCssel",
	} {
		client := exchange.Client(t, "2.2", exchange.On("DELETE "+path, "", 204, ""))
		require.NoError(t, client.Keys.Delete(t.Context(), id))
	}
}

func TestTheFingerprintIsRead(t *testing.T) {
	client := exchange.Client(t, "1.6", exchange.On("GET /v1/keys/", "", 200,
		`{"count": 1, "next": null, "previous": null, "results": [{"id": "example", "fingerprint": "2f:0f:71:f2"}]}`))
	page, err := client.Keys.List(t.Context(), deis.ListOptions{})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	assert.Equal(t, "2f:0f:71:f2", page.Items[0].Fingerprint)
}

func TestGetReturnsAKeyByItsID(t *testing.T) {
	client := exchange.Client(t, "2.3", exchange.On("GET /v2/keys/with%20space%2Fand%20slash", "", 200, `{"id": "with space/and slash", "uuid": "2a4dc354"}`))
	key, err := client.Keys.Get(t.Context(), "with space/and slash")
	require.NoError(t, err)
	assert.Equal(t, "2a4dc354", key.UUID)
}

func TestAPrivateKeyIsNeitherSentNorShown(t *testing.T) {
	for _, private := range []string{
		"-----BEGIN OPENSSH PRIVATE KEY-----\ncanary\n-----END OPENSSH PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----\ncanary",
		"PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\ncanary",
	} {
		_, err := exchange.Client(t, "2.2").Keys.Create(t.Context(), keys.CreateParams{ID: "laptop", Public: private})
		require.ErrorIs(t, err, deis.ErrInvalidArgument)
		assert.ErrorContains(t, err, "public key must not be a private key")
		assert.NotContains(t, err.Error(), "canary")
	}
}

func TestAnIDWithOuterSpacesIsRefused(t *testing.T) { // 2.x trims them, and then has no key with that id
	for _, id := range []string{" laptop", "laptop ", "\u00a0laptop"} {
		_, err := exchange.Client(t, "2.2").Keys.Create(t.Context(), keys.CreateParams{ID: id, Public: "ssh-rsa AAAA"})
		assert.ErrorIs(t, err, deis.ErrInvalidArgument, "%q", id)
	}
}
