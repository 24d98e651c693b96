package test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/auth"
	"github.com/deisgo/deis/builds"
	"github.com/deisgo/deis/certs"
	"github.com/deisgo/deis/config"
	"github.com/deisgo/deis/domains"
	"github.com/deisgo/deis/internal/exchange"
	"github.com/deisgo/deis/keys"
	"github.com/deisgo/deis/releases"
	"github.com/deisgo/deis/rest"
	"github.com/deisgo/deis/settings"
	"github.com/deisgo/deis/tls"
)

// A refusal is the response of a Controller that refuses a call: a recorded one, or close to one.
type refusal struct {
	situation string
	api       string
	status    int
	response  string
	reason    error // nil: it matches no Reason of the SDK
}

func TestAnErrorMatchesTheReasonThatTheControllerGivesAndNoOther(t *testing.T) {
	for operation, o := range map[string]struct {
		request, body string
		before        string // the response to a GET of the same path that the call makes first
		anonymous     bool
		call          func(context.Context, *deis.Client) error
		refusals      []refusal
	}{
		"create an app": {
			request: "POST /apps/", body: `{"id": "example-go"}`,
			call: func(ctx context.Context, c *deis.Client) error {
				_, err := c.Apps.Create(ctx, apps.CreateParams{ID: "example-go"})
				return err
			},
			refusals: []refusal{
				{"the id is taken", "1.6", 400, `{"id":["This field must be unique."]}`, apps.ErrExists},
				{"the id is taken", "2.2", 400, `{"id":["Application with this id already exists."]}`, apps.ErrExists},
				{"the id is taken, among others", "2.2", 400, `{"structure":["no"],"id":["odd","Application with this id already exists."]}`, apps.ErrExists},
				{"the id is taken", "2.3", 400, `{"id":["Application with this id already exists."]}`, apps.ErrExists},
				{"somebody else creates it at the same time", "2.3", 409, `{"detail":"concsame already exists as a namespace in this kuberenetes setup"}`, nil},
				{"the id is too long", "2.2", 400, `{"id":["Ensure this field has no more than 24 characters."]}`, nil},
				{"another field is taken", "1.6", 400, `{"uuid":["This field must be unique."]}`, nil},
				{"no id", "1.6", 400, `{"id":["This field may not be null."]}`, nil},
				{"the namespace is taken", "2.2", 409, `{"detail":"deis already exists as a namespace in this kuberenetes setup"}`, nil},
				{"the text with another status", "2.2", 500, `{"id":["Application with this id already exists."]}`, nil},
				{"the text in another place", "2.2", 400, `{"detail":"Application with this id already exists."}`, nil},
			},
		},
		"log in": {
			request: "POST /auth/login/", body: `{"username": "test", "password": "opensesame"}`, anonymous: true,
			call: func(ctx context.Context, c *deis.Client) error {
				_, err := c.Auth.Login(ctx, "test", "opensesame")
				return err
			},
			refusals: []refusal{
				{"a wrong password", "1.6", 400, `{"non_field_errors":["Unable to log in with provided credentials."]}`, auth.ErrInvalidCredentials},
				{"a wrong password", "2.2", 400, `{"non_field_errors":["Unable to log in with provided credentials."]}`, auth.ErrInvalidCredentials},
				{"a disabled account", "2.2", 400, `{"non_field_errors":["User account is disabled."]}`, nil},
				{"a blank field", "1.6", 400, `{"username":["This field may not be blank."]}`, nil},
				{"a stale token", "2.2", 401, `{"detail":"Invalid token."}`, nil},
			},
		},
		"register": {
			request: "POST /auth/register/", body: `{"username": "test", "password": "opensesame", "email": ""}`, anonymous: true,
			call: func(ctx context.Context, c *deis.Client) error {
				_, err := c.Auth.Register(ctx, auth.RegisterParams{Username: "test", Password: "opensesame"})
				return err
			},
			refusals: []refusal{
				{"the name is taken", "1.6", 400, `{"username":["This field must be unique."]}`, auth.ErrUsernameTaken},
				{"the name is taken", "2.2", 400, `{"username":["A user with that username already exists."]}`, auth.ErrUsernameTaken},
				{"a bad name", "2.2", 400, `{"username":["Enter a valid username."]}`, nil},
				{"the address is taken", "1.6", 400, `{"email":["This field must be unique."]}`, nil},
				{"no name", "1.6", 400, `{"username":["This field is required."]}`, nil},
				{"registration is closed", "2.2", 403, `{"detail":"You do not have permission to perform this action."}`, nil},
			},
		},
		"cancel": {
			request: "DELETE /auth/cancel/", body: `{"username": "bob"}`,
			call: func(ctx context.Context, c *deis.Client) error {
				return c.Auth.Cancel(ctx, auth.CancelParams{Username: "bob"})
			},
			refusals: []refusal{
				{"bob owns apps", "2.2", 409, `{"detail":"bob still has applications assigned. Delete or transfer ownership"}`, auth.ErrOwnsApps},
				{"another conflict", "2.2", 409, `{"detail":"bob changed nothing - release stopped"}`, config.ErrUnchanged},
				{"not an administrator", "1.6", 403, `{"detail":"You do not have permission to perform this action."}`, nil},
				{"no such user", "2.2", 404, `{"detail":"Not found."}`, nil},
				{"bob has made releases of others' apps", "2.3", 409, `{"detail":"(\"Cannot delete some instances of model 'User' because they are referenced through a protected foreign key: 'Release.owner'\", <QuerySet [<Release: example-go-v9>]>)"}`, auth.ErrOwnsRecords},
			},
		},
		"create a certificate": {
			request: "POST /certs/", body: `{"name": "foo", "certificate": "PEM", "key": "PEM"}`,
			call: func(ctx context.Context, c *deis.Client) error {
				_, err := c.Certs.Create(ctx, certs.CreateParams{Name: "foo", Certificate: "PEM", Key: "PEM"})
				return err
			},
			refusals: []refusal{
				{"the name is taken", "2.2", 400, `{"name":["certificate with this name already exists."]}`, certs.ErrExists},
				{"a bad name", "2.2", 400, `{"name":["Enter a valid value."]}`, nil},
				{"a bad certificate", "2.2", 400, `{"certificate":["Could not load certificate: no start line"]}`, nil},
			},
		},
		"create a certificate in v1.6": {
			request: "POST /certs/", body: `{"common_name": "foo", "certificate": "PEM", "key": "PEM"}`,
			call: func(ctx context.Context, c *deis.Client) error {
				_, err := c.Certs.Create(ctx, certs.CreateParams{Name: "foo", Certificate: "PEM", Key: "PEM"})
				return err
			},
			refusals: []refusal{
				{"the name is taken", "1.6", 400, `{"common_name":["This field must be unique."]}`, certs.ErrExists},
				{"a blank name", "1.6", 400, `{"common_name":["This field may not be blank."]}`, nil},
				{"a server error", "1.6", 500, `<h1>Server Error (500)</h1>`, nil},
			},
		},
		"change the config": {
			request: "POST /apps/example-go/config/", body: `{"values": {"HELLO": null}}`,
			call: func(ctx context.Context, c *deis.Client) error {
				_, err := c.Config.Unset(ctx, "example-go", []string{"HELLO"})
				return err
			},
			refusals: []refusal{
				{"nothing changes", "2.2", 409, `{"detail":"admin changed nothing - release stopped"}`, config.ErrUnchanged},
				{"not set", "2.2", 422, `{"detail":"HELLO does not exist under values"}`, config.ErrNotSet},
				{"another conflict", "2.2", 409, `{"detail":"test.com already has a certificate"}`, nil},
				{"no such app", "2.2", 404, `{"detail":"Not found."}`, nil},
				{"a failed deploy that says the same", "2.2", 400, `{"detail":"admin changed nothing"}`, nil},
				{"a failed deploy", "1.6", 503, `{"detail":"does not exist under"}`, nil},
				{"nothing changes", "2.3", 409, `{"detail":"alice changed nothing - release stopped"}`, config.ErrUnchanged},
				{"a deploy is in progress", "2.3", 409, `{"detail":"Deployment for inprog-web is already in progress"}`, config.ErrInProgress},
				{"no such app", "2.3", 404, `"No App matches the given query."`, nil},
			},
		},
		"add a domain": {
			request: "POST /apps/example-go/domains/", body: `{"domain": "test.com"}`,
			call: func(ctx context.Context, c *deis.Client) error {
				_, err := c.Domains.Create(ctx, "example-go", "test.com")
				return err
			},
			refusals: []refusal{
				{"taken", "1.6", 400, `{"domain":["This field must be unique."]}`, domains.ErrTaken},
				{"taken", "2.2", 400, `{"domain":["Domain is already in use by another application"]}`, domains.ErrTaken},
				{"taken in another spelling", "1.6", 400, `{"domain":["The domain dot.example.com is already in use by another app"]}`, domains.ErrTaken},
				{"taken in another spelling", "2.2", 400, `{"domain":["The domain тест.example.com is already in use by another app"]}`, domains.ErrTaken},
				{"an invalid domain", "2.2", 400, `{"domain":["Hostname does not look valid."]}`, nil},
				{"no domain", "1.6", 400, `{"domain":["This field is required."]}`, nil},
			},
		},
		"add a key": {
			request: "POST /keys/", body: `{"id": "example", "public": "ssh-rsa AAAA"}`,
			call: func(ctx context.Context, c *deis.Client) error {
				_, err := c.Keys.Create(ctx, keys.CreateParams{ID: "example", Public: "ssh-rsa AAAA"})
				return err
			},
			refusals: []refusal{
				{"taken", "1.6", 400, `{"public":["This field must be unique."]}`, keys.ErrTaken},
				{"taken", "2.2", 400, `{"public":["Public Key is already in use"]}`, keys.ErrTaken},
				{"an invalid key", "2.2", 400, `{"public":["Key contains invalid base64 chars"]}`, nil},
				{"no key", "1.6", 400, `{"public":["This field is required."]}`, nil},
				{"another field", "1.6", 400, `{"id":["This field must be unique."]}`, apps.ErrExists},
				{"the id is taken", "2.3", 400, `{"id":["SSH Key with this id already exists."]}`, keys.ErrTaken},
				{"taken", "2.3", 400, `{"public":["Public Key is already in use"]}`, keys.ErrTaken},
			},
		},
		"roll back": {
			request: "POST /apps/example-go/releases/rollback/", body: `{"version": 1}`,
			call: func(ctx context.Context, c *deis.Client) error {
				_, err := c.Releases.Rollback(ctx, "example-go", 1)
				return err
			},
			refusals: []refusal{
				{"the initial release", "2.2", 400, `{"detail":"Cannot roll back to initial release."}`, releases.ErrInitial},
				{"nothing before it", "1.6", 400, `{"detail":"version cannot be below 0"}`, releases.ErrInitial},
				{"nothing before it", "2.2", 400, `{"detail":"version cannot be below 0"}`, releases.ErrInitial},
				{"a release without a build", "2.2", 400, `{"detail":"No build associated with this release"}`, nil},
				{"no such release", "2.2", 400, `{"detail":"Release matching query does not exist."}`, nil},
				{"no such app", "1.6", 404, `{"detail":"Not found"}`, nil},
				{"a release that failed", "2.3", 400, `{"detail":"Cannot roll back to failed release."}`, releases.ErrFailed},
			},
		},
		"deploy a build": {
			request: "POST /apps/example-go/builds/", body: `{"image": "a/b"}`,
			call: func(ctx context.Context, c *deis.Client) error {
				_, err := c.Builds.Create(ctx, "example-go", builds.CreateParams{Image: "a/b"})
				return err
			},
			refusals: []refusal{
				{"a deploy is in progress", "2.3", 400, `{"detail":"Deployment for inprog-web is already in progress"}`, builds.ErrInProgress},
				{"a deploy is in progress", "2.2", 400, `{"detail":"Deployment for a-web is already in progress"}`, builds.ErrInProgress},
				{"no such image", "2.3", 400, `{"detail":"image nonexistent/app:v9 not found"}`, nil},
			},
		},
		"change the settings": {
			request: "POST /apps/example-go/settings/", body: `{"label": {"team": null}}`,
			call: func(ctx context.Context, c *deis.Client) error {
				_, err := c.Settings.Set(ctx, "example-go", settings.Changes{Label: map[string]*string{"team": nil}})
				return err
			},
			refusals: []refusal{
				{"nothing changes", "2.3", 409, `{"detail":"alice changed nothing"}`, settings.ErrUnchanged},
				{"not set", "2.3", 422, `{"detail":"team does not exist under label"}`, settings.ErrNotSet},
				{"a bad number", "2.3", 400, `{"detail":"max replicas can not be smaller than min replicas"}`, nil},
			},
		},
		"remove an address": {
			request: "DELETE /apps/example-go/whitelist/", body: `{"addresses": ["9.9.9.9"]}`, before: `{"addresses": []}`,
			call: func(ctx context.Context, c *deis.Client) error {
				return c.Settings.Disallow(ctx, "example-go", []string{"9.9.9.9"})
			},
			refusals: []refusal{
				{"not there", "2.3", 422, `{"detail":"addresses {'9.9.9.9'} does not exist in whitelist"}`, settings.ErrNotSet},
				{"an invalid address", "2.3", 400, `["The address x is not valid"]`, nil},
			},
		},
	} {
		for _, r := range o.refusals {
			t.Run(operation+"/"+r.api+" "+r.situation, func(t *testing.T) {
				verb, path, _ := strings.Cut(o.request, " ")
				expected := exchange.On(verb+" /v"+r.api[:1]+path, o.body, r.status, r.response)
				if o.anonymous {
					expected = expected.Anonymous()
				}
				exchanges := []exchange.Exchange{expected}
				if o.before != "" {
					exchanges = append([]exchange.Exchange{exchange.On("GET /v"+r.api[:1]+path, "", 200, o.before)}, expected)
				}
				err := o.call(t.Context(), exchange.Client(t, r.api, exchanges...))
				require.Error(t, err)
				var found error
				for _, reason := range exportedErrors {
					if _, isReason := reason.(*rest.Reason); isReason && errors.Is(err, reason) && !shareWording(r.reason, reason) {
						require.NoError(t, found, "%v matches a second reason, %v", err, reason)
						found = reason
					}
				}
				assert.True(t, r.reason == found, "%v: want the reason %v, got %v", err, r.reason, found)
			})
		}
	}
}

// shareWording reports whether Controllers use the same words for two reasons of different packages, so that an error
// that is meant to match one also matches the other. No call can fail for both.
func shareWording(meant, reason error) bool {
	same := map[error][]error{
		config.ErrUnchanged:   {settings.ErrUnchanged, tls.ErrUnchanged},
		settings.ErrUnchanged: {tls.ErrUnchanged},
		settings.ErrNotSet:    {config.ErrNotSet},
		builds.ErrInProgress:  {config.ErrInProgress},
	}
	return slices.Contains(same[meant], reason)
}
