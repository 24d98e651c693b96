package perms_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/internal/exchange"
	"github.com/deisgo/deis/perms"
)

func TestNamesThatMayNotBeRevocableCanBeGranted(t *testing.T) {
	client := exchange.Client(t, "2.2",
		exchange.On("POST /v2/apps/example-go/perms/", `{"username": "jo.hn@corp"}`, 201, ""),
		exchange.On("POST /v2/admin/perms", `{"username": "jo.hn@corp"}`, 201, ""),
	)
	require.NoError(t, client.Perms.Grant(t.Context(), "example-go", "jo.hn@corp"))
	require.NoError(t, client.Perms.GrantAdmin(t.Context(), "jo.hn@corp"))
}

func TestNoCollaboratorsIsAnEmptyList(t *testing.T) {
	client := exchange.Client(t, "1.6", exchange.On("GET /v1/apps/example-go/perms/", "", 200, `{"users": []}`))
	names, err := client.Perms.List(t.Context(), "example-go")
	require.NoError(t, err)
	assert.Empty(t, names)
}

func TestAResponseWithoutUsersIsAnError(t *testing.T) {
	for _, body := range []string{`{}`, `{"users": null}`, `{"users": [null]}`, `{"id": "example-go"}`, `[]`} {
		client := exchange.Client(t, "2.3", exchange.On("GET /v2/apps/example-go/perms/", "", 200, body))
		_, err := client.Perms.List(t.Context(), "example-go")
		assert.Error(t, err, body)
	}
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

func TestRevokingARightThatTheUserDoesNotHaveIsForbidden(t *testing.T) {
	client := exchange.Client(t, "2.2", exchange.On("DELETE /v2/apps/example-go/perms/carol", "", 403,
		`{"detail":"You do not have permission to perform this action."}`))
	assert.ErrorIs(t, client.Perms.Revoke(t.Context(), "example-go", "carol"), deis.ErrForbidden)
}

const (
	list   = "GET /v2/apps/example-go/perms/"
	admins = "GET /v2/admin/perms/"
)

func TestANameWithADotIsRevokedIfTheShorterNameHasNoRight(t *testing.T) {
	client := exchange.Client(t, "2.3",
		exchange.On(list, "", 200, `{"users": ["bob", "jo.hn"]}`),
		exchange.On("DELETE /v2/apps/example-go/perms/jo.hn", "", 204, ""),
		exchange.On(list, "", 200, `{"users": ["bob"]}`),
		exchange.On(admins, "", 200, `{"results": [{"username": "admin"}, {"username": "amy@corp.example"}]}`),
		exchange.On("DELETE /v2/admin/perms/amy@corp.example", "", 204, ""),
		exchange.On(admins, "", 200, `{"results": [{"username": "admin"}]}`),
	)
	require.NoError(t, client.Perms.Revoke(t.Context(), "example-go", "jo.hn"))
	require.NoError(t, client.Perms.RevokeAdmin(t.Context(), "amy@corp.example"))
}

func TestANameWithADotIsNotSentIfTheShorterNameHasTheRight(t *testing.T) {
	client := exchange.Client(t, "2.2",
		exchange.On(list, "", 200, `{"users": ["jo", "jo.hn"]}`),
		exchange.On(admins, "", 200, `{"results": [{"username": "plus"}, {"username": "plus+user"}]}`),
	)
	for err, message := range map[error]string{
		client.Perms.Revoke(t.Context(), "example-go", "jo.hn"): "nothing was sent to revoke the right of jo.hn, because jo has it, too",
		client.Perms.RevokeAdmin(t.Context(), "plus+user"):      "nothing was sent to revoke the right of plus+user, because plus has it, too",
	} {
		assert.ErrorIs(t, err, perms.ErrAmbiguousName)
		assert.ErrorContains(t, err, message)
	}
}

func TestARightThatRemainsAfterRevokeIsAnError(t *testing.T) { // 2.2 mistook the name for amy, who is not an administrator
	client := exchange.Client(t, "2.2",
		exchange.On(admins, "", 200, `{"results": [{"username": "amy@corp"}]}`),
		exchange.On("DELETE /v2/admin/perms/amy@corp", "", 204, ""),
		exchange.On(admins, "", 200, `{"results": [{"username": "amy@corp"}]}`),
	)
	err := client.Perms.RevokeAdmin(t.Context(), "amy@corp")
	assert.ErrorIs(t, err, perms.ErrAmbiguousName)
	assert.ErrorContains(t, err, "amy@corp still has the right")
}

func TestAControllerThatCannotRevokeSuchNamesIsAnError(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		match  error
	}{
		{404, `<h1>Not Found</h1>`, deis.ErrNotFound}, // from Workflow v2.7 on
		{403, `{"detail":"You do not have permission to perform this action."}`, deis.ErrForbidden},
	} {
		client := exchange.Client(t, "2.3",
			exchange.On(list, "", 200, `{"users": ["jo.hn"]}`),
			exchange.On("DELETE /v2/apps/example-go/perms/jo.hn", "", c.status, c.body))
		err := client.Perms.Revoke(t.Context(), "example-go", "jo.hn")
		assert.ErrorIs(t, err, c.match)
		assert.ErrorContains(t, err, "many Controllers cannot revoke the right of a user whose name has a . @ or +")
	}
}

func TestRevokingTheCallersOwnRightSucceedsIfItMayNotListAfterwards(t *testing.T) {
	client := exchange.Client(t, "2.3",
		exchange.On(admins, "", 200, `{"results": [{"username": "amy@corp"}]}`),
		exchange.On("DELETE /v2/admin/perms/amy@corp", "", 204, ""),
		exchange.On(admins, "", 403, `{"detail": "no"}`))
	require.NoError(t, client.Perms.RevokeAdmin(t.Context(), "amy@corp"))
}

func TestAListThatFailsIsAnError(t *testing.T) {
	before := exchange.Client(t, "2.3", exchange.On(list, "", 500, ""))
	assert.ErrorIs(t, before.Perms.Revoke(t.Context(), "example-go", "jo.hn"), deis.ErrServer)
	after := exchange.Client(t, "2.3",
		exchange.On(list, "", 200, `{"users": ["jo.hn"]}`),
		exchange.On("DELETE /v2/apps/example-go/perms/jo.hn", "", 204, ""),
		exchange.On(list, "", 500, ""))
	err := after.Perms.Revoke(t.Context(), "example-go", "jo.hn")
	assert.ErrorIs(t, err, deis.ErrServer)
	assert.ErrorContains(t, err, "it is not known whether the right of jo.hn was revoked")
}

func TestRevokingANameThatBeginsWithADotAtOrPlusIsRefused(t *testing.T) { // what is left after the cut is empty
	for _, name := range []string{".jo", "@jo", "+jo"} {
		assert.ErrorIs(t, exchange.Client(t, "2.3").Perms.Revoke(t.Context(), "example-go", name), deis.ErrInvalidArgument)
		assert.ErrorIs(t, exchange.Client(t, "2.3").Perms.RevokeAdmin(t.Context(), name), deis.ErrInvalidArgument)
	}
}
