package perms_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/internal/exchange"
	"github.com/deisgo/deis/perms"
)

func TestNamesThatCannotStandInAPathCanStillBeGranted(t *testing.T) {
	client := exchange.Client(t, "2.2",
		exchange.On("POST /v2/apps/example-go/perms/", `{"username": "jo.hn@corp"}`, 201, ""),
		exchange.On("POST /v2/admin/perms", `{"username": "jo.hn@corp"}`, 201, ""),
	)
	require.NoError(t, client.Perms.Grant(t.Context(), "example-go", "jo.hn@corp"))
	require.NoError(t, client.Perms.GrantAdmin(t.Context(), "jo.hn@corp"))
}

func TestNobodyIsAnEmptyList(t *testing.T) {
	client := exchange.Client(t, "1.6", exchange.On("GET /v1/apps/example-go/perms/", "", 200, `{"users": []}`))
	names, err := client.Perms.List(t.Context(), "example-go")
	require.NoError(t, err)
	assert.Empty(t, names)
}

func TestAllAdminsReadsPageAfterPage(t *testing.T) {
	client := exchange.Client(t, "2.2",
		exchange.On("GET /v2/admin/perms/?limit=1&page_size=1", "", 200, `{"count": 2,
			"next": "http://deis.example.com/v2/admin/perms/?limit=1&offset=1&page_size=1", "results": [{"username": "test", "is_superuser": true}]}`),
		exchange.On("GET /v2/admin/perms/?limit=1&offset=1&page_size=1", "", 200, `{"count": 2,
			"next": null, "results": [{"username": "foo", "is_superuser": true}]}`),
	)
	admins, err := deis.Collect(client.Perms.AllAdmins(t.Context(), deis.ListOptions{PageSize: 1}))
	require.NoError(t, err)
	assert.Equal(t, []perms.Admin{{Username: "test", IsSuperuser: true}, {Username: "foo", IsSuperuser: true}}, admins)
}

func TestARightThatIsNotThereIsForbiddenToRevoke(t *testing.T) {
	client := exchange.Client(t, "2.2", exchange.On("DELETE /v2/apps/example-go/perms/carol", "", 403,
		`{"detail":"You do not have permission to perform this action."}`))
	assert.ErrorIs(t, client.Perms.Revoke(t.Context(), "example-go", "carol"), deis.ErrForbidden)
}
