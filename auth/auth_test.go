package auth_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/auth"
	"github.com/deisgo/deis/internal/exchange"
)

const user = `{"username": "test"}`

func TestRegisterAlwaysSendsAnEmail(t *testing.T) { // real Controllers respond with 500 if it is missing
	client := exchange.Client(t, "1.6", exchange.On("POST /v1/auth/register/",
		`{"username": "test", "password": "opensesame", "email": ""}`, 201, user).Anonymous())
	_, err := client.Auth.Register(t.Context(), auth.RegisterParams{Username: "test", Password: "opensesame"})
	require.NoError(t, err)
}

func TestAnAdministratorCanRegisterOthersWithATokenForOneCall(t *testing.T) {
	client := exchange.Client(t, "2.2", exchange.On("POST /v2/auth/register/",
		`{"username": "test", "password": "opensesame", "email": ""}`, 201, user))
	_, err := client.Auth.Register(t.Context(), auth.RegisterParams{Username: "test", Password: "opensesame"},
		deis.WithHeader("Authorization", "token "+exchange.Token))
	require.NoError(t, err)
}

func TestALoginResponseWithoutATokenIsAnError(t *testing.T) {
	for _, response := range []string{`{}`, `{"token": ""}`, `{"token": null}`, `""`, `[]`} {
		client := exchange.Client(t, "2.2", exchange.On("POST /v2/auth/login/",
			`{"username": "test", "password": "opensesame"}`, 200, response).Anonymous())
		_, err := client.Auth.Login(t.Context(), "test", "opensesame")
		assert.ErrorContains(t, err, "the response cannot be read", response)
	}
}

func TestRegenerateTokenReplacesOneTokenOrAll(t *testing.T) {
	for situation, c := range map[string]struct {
		params               auth.TokenParams
		body, response, want string
	}{
		"the caller's":               {auth.TokenParams{}, `{}`, `{"token": "new"}`, "new"},
		"a user's":                   {auth.TokenParams{Username: "bob"}, `{"username": "bob"}`, `{"token": "new"}`, "new"},
		"everybody's":                {auth.TokenParams{All: true}, `{"all": "true"}`, `""`, ""},
		"everybody's, as documented": {auth.TokenParams{All: true}, `{"all": "true"}`, `{"token": "abc123"}`, "abc123"},
	} {
		t.Run(situation, func(t *testing.T) {
			client := exchange.Client(t, "2.2", exchange.On("POST /v2/auth/tokens/", c.body, 200, c.response))
			got, err := client.Auth.RegenerateToken(t.Context(), c.params)
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
}

// Real Controllers respond with "" when they have replaced everybody's token.
func TestAnErrorSaysSoIfEverybodysTokenWasReplacedInsteadOfOne(t *testing.T) {
	for body, params := range map[string]auth.TokenParams{`{}`: {}, `{"username": "alice"}`: {Username: "alice"}} {
		client := exchange.Client(t, "2.2", exchange.On("POST /v2/auth/tokens/", body, 200, `""`))
		token, err := client.Auth.RegenerateToken(t.Context(), params)
		require.EqualError(t, err, "deis: POST /auth/tokens/: the response has no token: the Controller has replaced everybody's token, including the caller's: log in again")
		assert.Empty(t, token)
	}
}

func TestAPasswordChangeMayHaveBeenCarriedOutIfItsResponseIsSomethingElse(t *testing.T) {
	for _, response := range []string{`{}`, `{"message": "please log in"}`, `[]`, `"ok"`, `null`, `{"status": ""}`, `password set`, `<h1>Welcome</h1>`} {
		client := exchange.Client(t, "2.2", exchange.On("POST /v2/auth/passwd/", `{"new_password": "bar"}`, 200, response))
		err := client.Auth.ChangePassword(t.Context(), auth.PasswordParams{NewPassword: "bar"})
		var failed *deis.Error
		require.ErrorAs(t, err, &failed, response)
		assert.True(t, failed.MayHaveActed(), response)
		assert.Equal(t, 200, failed.StatusCode)
		assert.ErrorContains(t, err, "it may have been carried out", response)
	}
	client := exchange.Client(t, "2.2", exchange.On("POST /v2/auth/passwd/", `{"new_password": "bar"}`, 200, "")) // as documented
	require.NoError(t, client.Auth.ChangePassword(t.Context(), auth.PasswordParams{NewPassword: "bar"}))
}

func TestUsersAndAdministratorsCanChangePasswords(t *testing.T) {
	for situation, c := range map[string]struct {
		params auth.PasswordParams
		body   string
	}{
		"their own":                      {auth.PasswordParams{Password: "foo", NewPassword: "bar"}, `{"password": "foo", "new_password": "bar"}`},
		"their own, by an administrator": {auth.PasswordParams{NewPassword: "bar"}, `{"new_password": "bar"}`},
		"another's, by an administrator": {auth.PasswordParams{NewPassword: "bar", Username: "bob"}, `{"new_password": "bar", "username": "bob"}`},
	} {
		t.Run(situation, func(t *testing.T) {
			client := exchange.Client(t, "1.6", exchange.On("POST /v1/auth/passwd/", c.body, 200, `{"status":"password set"}`))
			require.NoError(t, client.Auth.ChangePassword(t.Context(), c.params))
		})
	}
}

func TestCancelSendsNoEmptyUsername(t *testing.T) { // {"username": ""} would cancel the caller
	client := exchange.Client(t, "2.2",
		exchange.On("DELETE /v2/auth/cancel/", `{"username": "bob"}`, 204, ""),
		exchange.On("DELETE /v2/auth/cancel/", "", 204, ""),
	)
	require.NoError(t, client.Auth.Cancel(t.Context(), auth.CancelParams{Username: "bob"}))
	require.NoError(t, client.Auth.Cancel(t.Context(), auth.CancelParams{}))
}

func TestAPasswordWithOuterSpacesIsRefusedIn2x(t *testing.T) {
	for _, password := range []string{" canary", "canary ", "canary\n", "\u00a0canary", "canary\x1f"} {
		for _, api := range []string{"2.2", "2.3"} {
			client := exchange.Client(t, api)
			change := client.Auth.ChangePassword(t.Context(), auth.PasswordParams{Password: "foo", NewPassword: password})
			_, register := client.Auth.Register(t.Context(), auth.RegisterParams{Username: "test", Password: password})
			for argument, err := range map[string]error{"new password": change, "password": register} {
				require.ErrorIs(t, err, deis.ErrInvalidArgument, "%q", password)
				assert.ErrorContains(t, err, "invalid argument: "+argument+" must not begin or end with a space")
				assert.NotContains(t, err.Error(), "canary")
			}
		}
	}
}

func TestAPasswordWithOuterSpacesIsAcceptedInV16(t *testing.T) {
	client := exchange.Client(t, "1.6", exchange.On("POST /v1/auth/passwd/", `{"password": " old ", "new_password": " new "}`, 200, `{"status":"password set"}`))
	require.NoError(t, client.Auth.ChangePassword(t.Context(), auth.PasswordParams{Password: " old ", NewPassword: " new "}))
}

func TestTheCurrentPasswordMayHaveOuterSpaces(t *testing.T) { // or it could never be changed
	client := exchange.Client(t, "2.3", exchange.On("POST /v2/auth/passwd/", `{"password": " old ", "new_password": "new"}`, 200, `{"status":"password set"}`))
	require.NoError(t, client.Auth.ChangePassword(t.Context(), auth.PasswordParams{Password: " old ", NewPassword: "new"}))
}
