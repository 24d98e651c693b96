package keys_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/internal/exchange"
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

func TestTheFingerprintOfRealControllersArrives(t *testing.T) {
	client := exchange.Client(t, "1.6", exchange.On("GET /v1/keys/", "", 200,
		`{"count": 1, "next": null, "previous": null, "results": [{"id": "example", "fingerprint": "2f:0f:71:f2"}]}`))
	page, err := client.Keys.List(t.Context(), deis.ListOptions{})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	assert.Equal(t, "2f:0f:71:f2", page.Items[0].Fingerprint)
}
