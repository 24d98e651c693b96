package test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/auth"
	"github.com/deisgo/deis/builds"
	"github.com/deisgo/deis/certs"
	"github.com/deisgo/deis/config"
	"github.com/deisgo/deis/internal/exchange"
	"github.com/deisgo/deis/keys"
	"github.com/deisgo/deis/pods"
	"github.com/deisgo/deis/services"
	"github.com/deisgo/deis/settings"
	"github.com/deisgo/deis/version"
)

// Identifiers that real Controllers were recorded to misread: they cut off what their pattern does not match, and carry
// out the request on the rest. DELETE /v2/apps/hz_other destroys the app hz.
var (
	badElements = []string{
		"", // first, so that [1:] omits it where it is valid
		".", "..", "a/../b", "../b", "a/b", "/", "a%2Fb", "a b", "a?b", "a#b", "a\nb", "a\x00b", "a\xffb", "a~b", "a:80", "a@b",
	}
	badApps      = append(badElements[:len(badElements):len(badElements)], "hz_other", "hz2.example.com", "Upper", "a-Prod", "é", "*")
	badUsernames = append(badElements[:len(badElements)-1:len(badElements)-1], ".jo", "@corp", "+a", "*") // all but a@b
	badDomains   = append(badElements[:len(badElements):len(badElements)], "*", "*.", "**.example.com", "a.*.example.com")
	badCerts     = append(badElements[:len(badElements):len(badElements)], "My Site, prod")
	badTypes     = append(badElements[:len(badElements):len(badElements)], "web/1", "*")
	badPods      = append(badElements[:len(badElements):len(badElements)], "web/1", "*")
	badKeys      = []string{ // anything else is escaped
		"", ".", "..", "nl\nother", "a\x00b", "a\xffb", "../apps/precious", "a/../b", "a/./b", "a//b", "/a", "a/", "a/..", " a", "a "}
)

// A hazard is one identifier among the arguments of one method.
type hazard struct {
	method, argument string
	values           []string
	call             func(ctx context.Context, c *deis.Client, value string) error
}

var hazards = []hazard{
	{"Apps.Get", "app", badApps, func(ctx context.Context, c *deis.Client, id string) error {
		_, err := c.Apps.Get(ctx, id)
		return err
	}},
	{"Apps.Create", "app", badApps[1:], func(ctx context.Context, c *deis.Client, id string) error {
		_, err := c.Apps.Create(ctx, apps.CreateParams{ID: id})
		return err
	}},
	{"Apps.Update", "app", badApps, func(ctx context.Context, c *deis.Client, id string) error {
		return c.Apps.Update(ctx, id, apps.UpdateParams{Owner: "bob"})
	}},
	{"Apps.Delete", "app", badApps, func(ctx context.Context, c *deis.Client, id string) error {
		return c.Apps.Delete(ctx, id)
	}},
	{"Apps.Logs", "app", badApps, func(ctx context.Context, c *deis.Client, id string) error {
		_, err := c.Apps.Logs(ctx, id, apps.LogOptions{})
		return err
	}},
	{"Apps.Run", "app", badApps, func(ctx context.Context, c *deis.Client, id string) error {
		_, err := c.Apps.Run(ctx, id, "ls")
		return err
	}},
	{"Apps.Follow", "app", badApps, func(ctx context.Context, c *deis.Client, id string) error {
		return rangeOver(c.Apps.Follow(ctx, id, apps.FollowOptions{}))
	}},
	{"Builds.List", "app", badApps, func(ctx context.Context, c *deis.Client, app string) error {
		_, err := c.Builds.List(ctx, app, deis.ListOptions{})
		return err
	}},
	{"Builds.All", "app", badApps, func(ctx context.Context, c *deis.Client, app string) error {
		return rangeOver(c.Builds.All(ctx, app, deis.ListOptions{}))
	}},
	{"Builds.Create", "app", badApps, func(ctx context.Context, c *deis.Client, app string) error {
		_, err := c.Builds.Create(ctx, app, builds.CreateParams{Image: "a/b"})
		return err
	}},
	{"Builds.Get", "app", badApps, func(ctx context.Context, c *deis.Client, app string) error {
		_, err := c.Builds.Get(ctx, app, "c41688f5-76e9-41f5-9d0f-1a693c65ed70")
		return err
	}},
	{"Builds.Create", "process type", badTypes, func(ctx context.Context, c *deis.Client, procType string) error {
		_, err := c.Builds.Create(ctx, "example-go", builds.CreateParams{Image: "a/b", Procfile: map[string]string{procType: "./cmd"}})
		return err
	}},
	{"Certs.Get", "certificate name", badCerts, func(ctx context.Context, c *deis.Client, name string) error {
		_, err := c.Certs.Get(ctx, name)
		return err
	}},
	{"Certs.Create", "certificate name", badCerts[1:], func(ctx context.Context, c *deis.Client, name string) error {
		_, err := c.Certs.Create(ctx, certs.CreateParams{Name: name, Certificate: "PEM", Key: "PEM"})
		return err
	}},
	{"Certs.Delete", "certificate name", badCerts, func(ctx context.Context, c *deis.Client, name string) error {
		return c.Certs.Delete(ctx, name)
	}},
	{"Certs.Attach", "certificate name", badCerts, func(ctx context.Context, c *deis.Client, name string) error {
		return c.Certs.Attach(ctx, name, "test.com")
	}},
	{"Certs.Attach", "domain", badDomains, func(ctx context.Context, c *deis.Client, domain string) error {
		return c.Certs.Attach(ctx, "foo", domain)
	}},
	{"Certs.Detach", "certificate name", badCerts, func(ctx context.Context, c *deis.Client, name string) error {
		return c.Certs.Detach(ctx, name, "test.com")
	}},
	{"Certs.Detach", "domain", badDomains, func(ctx context.Context, c *deis.Client, domain string) error {
		return c.Certs.Detach(ctx, "foo", domain)
	}},
	{"Config.Get", "app", badApps, func(ctx context.Context, c *deis.Client, app string) error {
		_, err := c.Config.Get(ctx, app)
		return err
	}},
	{"Config.Set", "app", badApps, func(ctx context.Context, c *deis.Client, app string) error {
		_, err := c.Config.Set(ctx, app, config.Changes{Memory: map[string]*string{"web": nil}})
		return err
	}},
	{"Config.SetValues", "app", badApps, func(ctx context.Context, c *deis.Client, app string) error {
		_, err := c.Config.SetValues(ctx, app, map[string]string{"A": "1"})
		return err
	}},
	{"Config.Unset", "app", badApps, func(ctx context.Context, c *deis.Client, app string) error {
		_, err := c.Config.Unset(ctx, app, []string{"A"})
		return err
	}},
	{"Domains.List", "app", badApps, func(ctx context.Context, c *deis.Client, app string) error {
		_, err := c.Domains.List(ctx, app, deis.ListOptions{})
		return err
	}},
	{"Domains.All", "app", badApps, func(ctx context.Context, c *deis.Client, app string) error {
		return rangeOver(c.Domains.All(ctx, app, deis.ListOptions{}))
	}},
	{"Domains.Create", "app", badApps, func(ctx context.Context, c *deis.Client, app string) error {
		_, err := c.Domains.Create(ctx, app, "test.com")
		return err
	}},
	{"Domains.Create", "domain", badDomains, func(ctx context.Context, c *deis.Client, domain string) error {
		_, err := c.Domains.Create(ctx, "example-go", domain)
		return err
	}},
	{"Domains.Delete", "app", badApps, func(ctx context.Context, c *deis.Client, app string) error {
		return c.Domains.Delete(ctx, app, "test.com")
	}},
	{"Domains.Delete", "domain", badDomains, func(ctx context.Context, c *deis.Client, domain string) error {
		return c.Domains.Delete(ctx, "example-go", domain)
	}},
	{"Keys.Create", "key id", badKeys, func(ctx context.Context, c *deis.Client, id string) error {
		_, err := c.Keys.Create(ctx, keys.CreateParams{ID: id, Public: "ssh-rsa AAAA"})
		return err
	}},
	{"Keys.Get", "key id", badKeys, func(ctx context.Context, c *deis.Client, id string) error {
		_, err := c.Keys.Get(ctx, id)
		return err
	}},
	{"Keys.Delete", "key id", badKeys, func(ctx context.Context, c *deis.Client, id string) error {
		return c.Keys.Delete(ctx, id)
	}},
	{"Perms.List", "app", badApps, func(ctx context.Context, c *deis.Client, app string) error {
		_, err := c.Perms.List(ctx, app)
		return err
	}},
	{"Perms.Grant", "app", badApps, func(ctx context.Context, c *deis.Client, app string) error {
		return c.Perms.Grant(ctx, app, "bob")
	}},
	{"Perms.Revoke", "app", badApps, func(ctx context.Context, c *deis.Client, app string) error {
		return c.Perms.Revoke(ctx, app, "bob")
	}},
	{"Perms.Revoke", "username", badUsernames, func(ctx context.Context, c *deis.Client, username string) error {
		return c.Perms.Revoke(ctx, "example-go", username)
	}},
	{"Perms.RevokeAdmin", "username", badUsernames, func(ctx context.Context, c *deis.Client, username string) error {
		return c.Perms.RevokeAdmin(ctx, username)
	}},
	{"Pods.List", "app", badApps, func(ctx context.Context, c *deis.Client, app string) error {
		_, err := c.Pods.List(ctx, app, pods.ListOptions{})
		return err
	}},
	{"Pods.List", "process type", badTypes[1:], func(ctx context.Context, c *deis.Client, procType string) error {
		_, err := c.Pods.List(ctx, "example-go", pods.ListOptions{Type: procType})
		return err
	}},
	{"Pods.All", "app", badApps, func(ctx context.Context, c *deis.Client, app string) error {
		return rangeOver(c.Pods.All(ctx, app, pods.ListOptions{}))
	}},
	{"Pods.All", "process type", badTypes[1:], func(ctx context.Context, c *deis.Client, procType string) error {
		return rangeOver(c.Pods.All(ctx, "example-go", pods.ListOptions{Type: procType}))
	}},
	{"Pods.Restart", "app", badApps, func(ctx context.Context, c *deis.Client, app string) error {
		_, err := c.Pods.Restart(ctx, app, pods.RestartOptions{})
		return err
	}},
	{"Pods.Restart", "process type", badTypes[1:], func(ctx context.Context, c *deis.Client, procType string) error {
		_, err := c.Pods.Restart(ctx, "example-go", pods.RestartOptions{Type: procType})
		return err
	}},
	{"Pods.Restart", "process type", append([]string{"a.b"}, badTypes[1:]...), func(ctx context.Context, c *deis.Client, procType string) error {
		_, err := c.Pods.Restart(ctx, "example-go", pods.RestartOptions{Type: procType, Name: "example-go-web-e7dej"})
		return err
	}},
	{"Pods.Restart", "pod name", badPods[1:], func(ctx context.Context, c *deis.Client, name string) error {
		_, err := c.Pods.Restart(ctx, "example-go", pods.RestartOptions{Name: name})
		return err
	}},
	{"Pods.Restart", "pod name", badPods[1:], func(ctx context.Context, c *deis.Client, name string) error {
		_, err := c.Pods.Restart(ctx, "example-go", pods.RestartOptions{Type: "web", Name: name})
		return err
	}},
	{"Pods.Scale", "app", badApps, func(ctx context.Context, c *deis.Client, app string) error {
		return c.Pods.Scale(ctx, app, map[string]int{"web": 1})
	}},
	{"Pods.Scale", "process type", badTypes, func(ctx context.Context, c *deis.Client, procType string) error {
		return c.Pods.Scale(ctx, "example-go", map[string]int{procType: 1})
	}},
	{"Pods.WaitReady", "app", badApps, func(ctx context.Context, c *deis.Client, app string) error {
		_, err := c.Pods.WaitReady(ctx, app, pods.WaitOptions{})
		return err
	}},
	{"Pods.WaitReady", "process type", badTypes, func(ctx context.Context, c *deis.Client, procType string) error {
		_, err := c.Pods.WaitReady(ctx, "example-go", pods.WaitOptions{Want: map[string]int{procType: 1}})
		return err
	}},
	{"Releases.List", "app", badApps, func(ctx context.Context, c *deis.Client, app string) error {
		_, err := c.Releases.List(ctx, app, deis.ListOptions{})
		return err
	}},
	{"Releases.All", "app", badApps, func(ctx context.Context, c *deis.Client, app string) error {
		return rangeOver(c.Releases.All(ctx, app, deis.ListOptions{}))
	}},
	{"Releases.Get", "app", badApps, func(ctx context.Context, c *deis.Client, app string) error {
		_, err := c.Releases.Get(ctx, app, 1)
		return err
	}},
	{"Releases.Rollback", "app", badApps, func(ctx context.Context, c *deis.Client, app string) error {
		_, err := c.Releases.Rollback(ctx, app, 0)
		return err
	}},
	{"Releases.Current", "app", badApps, func(ctx context.Context, c *deis.Client, app string) error {
		_, err := c.Releases.Current(ctx, app)
		return err
	}},
	{"Services.List", "app", badApps, func(ctx context.Context, c *deis.Client, app string) error {
		_, err := c.Services.List(ctx, app)
		return err
	}},
	{"Services.Create", "app", badApps, func(ctx context.Context, c *deis.Client, app string) error {
		return c.Services.Create(ctx, app, services.CreateParams{ProcfileType: "web", PathPattern: "/"})
	}},
	{"Services.Create", "process type", badTypes, func(ctx context.Context, c *deis.Client, procType string) error {
		return c.Services.Create(ctx, "example-go", services.CreateParams{ProcfileType: procType, PathPattern: "/"})
	}},
	{"Services.Delete", "app", badApps, func(ctx context.Context, c *deis.Client, app string) error {
		return c.Services.Delete(ctx, app, "web")
	}},
	{"Services.Delete", "process type", badTypes, func(ctx context.Context, c *deis.Client, procType string) error {
		return c.Services.Delete(ctx, "example-go", procType)
	}},
	{"Settings.Get", "app", badApps, func(ctx context.Context, c *deis.Client, app string) error {
		_, err := c.Settings.Get(ctx, app)
		return err
	}},
	{"Settings.Set", "app", badApps, func(ctx context.Context, c *deis.Client, app string) error {
		_, err := c.Settings.Set(ctx, app, settings.Changes{Whitelist: []string{"1.2.3.4"}})
		return err
	}},
	{"Settings.Whitelist", "app", badApps, func(ctx context.Context, c *deis.Client, app string) error {
		_, err := c.Settings.Whitelist(ctx, app)
		return err
	}},
	{"Settings.Allow", "app", badApps, func(ctx context.Context, c *deis.Client, app string) error {
		return c.Settings.Allow(ctx, app, []string{"1.2.3.4"})
	}},
	{"Settings.Disallow", "app", badApps, func(ctx context.Context, c *deis.Client, app string) error {
		return c.Settings.Disallow(ctx, app, []string{"1.2.3.4"})
	}},
	{"TLS.Get", "app", badApps, func(ctx context.Context, c *deis.Client, app string) error {
		_, err := c.TLS.Get(ctx, app)
		return err
	}},
	{"TLS.Enforce", "app", badApps, func(ctx context.Context, c *deis.Client, app string) error {
		_, err := c.TLS.Enforce(ctx, app, true)
		return err
	}},
}

func TestTheErrorNamesABadIdentifierAndNothingIsSent(t *testing.T) {
	for _, h := range hazards {
		t.Run(h.method+" "+h.argument, func(t *testing.T) {
			for _, value := range h.values {
				err := h.call(t.Context(), silentClient(t), value)
				require.ErrorIs(t, err, deis.ErrInvalidArgument, "%q", value)
				assert.ErrorContains(t, err, "invalid argument: "+h.argument+" ", "%q", value)
			}
		})
	}
}

// A listing is a method that takes a page size and a page number.
type listing struct {
	method string
	call   func(ctx context.Context, c *deis.Client, o deis.ListOptions) error
}

var listings = []listing{
	{"Apps.List", func(ctx context.Context, c *deis.Client, o deis.ListOptions) error {
		_, err := c.Apps.List(ctx, o)
		return err
	}},
	{"Apps.All", func(ctx context.Context, c *deis.Client, o deis.ListOptions) error {
		return rangeOver(c.Apps.All(ctx, o))
	}},
	{"Builds.List", func(ctx context.Context, c *deis.Client, o deis.ListOptions) error {
		_, err := c.Builds.List(ctx, "example-go", o)
		return err
	}},
	{"Builds.All", func(ctx context.Context, c *deis.Client, o deis.ListOptions) error {
		return rangeOver(c.Builds.All(ctx, "example-go", o))
	}},
	{"Certs.List", func(ctx context.Context, c *deis.Client, o deis.ListOptions) error {
		_, err := c.Certs.List(ctx, o)
		return err
	}},
	{"Certs.All", func(ctx context.Context, c *deis.Client, o deis.ListOptions) error {
		return rangeOver(c.Certs.All(ctx, o))
	}},
	{"Domains.List", func(ctx context.Context, c *deis.Client, o deis.ListOptions) error {
		_, err := c.Domains.List(ctx, "example-go", o)
		return err
	}},
	{"Domains.All", func(ctx context.Context, c *deis.Client, o deis.ListOptions) error {
		return rangeOver(c.Domains.All(ctx, "example-go", o))
	}},
	{"Keys.List", func(ctx context.Context, c *deis.Client, o deis.ListOptions) error {
		_, err := c.Keys.List(ctx, o)
		return err
	}},
	{"Keys.All", func(ctx context.Context, c *deis.Client, o deis.ListOptions) error {
		return rangeOver(c.Keys.All(ctx, o))
	}},
	{"Perms.Admins", func(ctx context.Context, c *deis.Client, o deis.ListOptions) error {
		_, err := c.Perms.Admins(ctx, o)
		return err
	}},
	{"Perms.AllAdmins", func(ctx context.Context, c *deis.Client, o deis.ListOptions) error {
		return rangeOver(c.Perms.AllAdmins(ctx, o))
	}},
	{"Pods.List", func(ctx context.Context, c *deis.Client, o deis.ListOptions) error {
		_, err := c.Pods.List(ctx, "example-go", pods.ListOptions{PageSize: o.PageSize, Page: o.Page})
		return err
	}},
	{"Pods.All", func(ctx context.Context, c *deis.Client, o deis.ListOptions) error {
		return rangeOver(c.Pods.All(ctx, "example-go", pods.ListOptions{PageSize: o.PageSize, Page: o.Page}))
	}},
	{"Releases.List", func(ctx context.Context, c *deis.Client, o deis.ListOptions) error {
		_, err := c.Releases.List(ctx, "example-go", o)
		return err
	}},
	{"Releases.All", func(ctx context.Context, c *deis.Client, o deis.ListOptions) error {
		return rangeOver(c.Releases.All(ctx, "example-go", o))
	}},
	{"Users.List", func(ctx context.Context, c *deis.Client, o deis.ListOptions) error {
		_, err := c.Users.List(ctx, o)
		return err
	}},
	{"Users.All", func(ctx context.Context, c *deis.Client, o deis.ListOptions) error {
		return rangeOver(c.Users.All(ctx, o))
	}},
}

func TestTheErrorNamesABadPageAndNothingIsSent(t *testing.T) {
	for _, l := range listings {
		t.Run(l.method, func(t *testing.T) {
			for argument, o := range map[string]deis.ListOptions{"PageSize": {PageSize: -1}, "Page": {Page: -1}} {
				err := l.call(t.Context(), silentClient(t), o)
				require.ErrorIs(t, err, deis.ErrInvalidArgument)
				assert.ErrorContains(t, err, "invalid argument: "+argument+" must not be negative")
			}
		})
	}
}

// refusals are the other arguments that a method refuses without a request.
var refusals = []struct {
	method, argument, situation string
	call                        func(ctx context.Context, c *deis.Client) error
}{
	{"Apps.Update", "owner", "nobody", func(ctx context.Context, c *deis.Client) error {
		return c.Apps.Update(ctx, "example-go", apps.UpdateParams{})
	}},
	{"Apps.Logs", "Lines", "negative", func(ctx context.Context, c *deis.Client) error {
		_, err := c.Apps.Logs(ctx, "example-go", apps.LogOptions{Lines: -1})
		return err
	}},
	{"Apps.Run", "command", "empty", func(ctx context.Context, c *deis.Client) error {
		_, err := c.Apps.Run(ctx, "example-go", "")
		return err
	}},
	{"Auth.Register", "username", "empty", func(ctx context.Context, c *deis.Client) error {
		_, err := c.Auth.Register(ctx, auth.RegisterParams{Password: "opensesame"})
		return err
	}},
	{"Auth.Register", "password", "empty", func(ctx context.Context, c *deis.Client) error {
		_, err := c.Auth.Register(ctx, auth.RegisterParams{Username: "test"})
		return err
	}},
	{"Auth.Login", "username", "empty", func(ctx context.Context, c *deis.Client) error {
		_, err := c.Auth.Login(ctx, "", "opensesame")
		return err
	}},
	{"Auth.Login", "password", "empty", func(ctx context.Context, c *deis.Client) error {
		_, err := c.Auth.Login(ctx, "test", "")
		return err
	}},
	{"Auth.ChangePassword", "new password", "empty", func(ctx context.Context, c *deis.Client) error {
		return c.Auth.ChangePassword(ctx, auth.PasswordParams{Password: "foo"})
	}},
	{"Auth.RegenerateToken", "TokenParams", "a user and all users", func(ctx context.Context, c *deis.Client) error {
		_, err := c.Auth.RegenerateToken(ctx, auth.TokenParams{Username: "test", All: true})
		return err
	}},
	{"Builds.Create", "image", "empty", func(ctx context.Context, c *deis.Client) error {
		_, err := c.Builds.Create(ctx, "example-go", builds.CreateParams{SHA: "060da68f"})
		return err
	}},
	{"Certs.Create", "certificate", "empty", func(ctx context.Context, c *deis.Client) error {
		_, err := c.Certs.Create(ctx, certs.CreateParams{Name: "foo", Key: "PEM"})
		return err
	}},
	{"Certs.Create", "key", "empty", func(ctx context.Context, c *deis.Client) error {
		_, err := c.Certs.Create(ctx, certs.CreateParams{Name: "foo", Certificate: "PEM"})
		return err
	}},
	{"Config.Set", "changes", "none", func(ctx context.Context, c *deis.Client) error {
		_, err := c.Config.Set(ctx, "example-go", config.Changes{Values: map[string]*string{}})
		return err
	}},
	{"Config.SetValues", "changes", "none", func(ctx context.Context, c *deis.Client) error {
		_, err := c.Config.SetValues(ctx, "example-go", nil)
		return err
	}},
	{"Config.Unset", "changes", "none", func(ctx context.Context, c *deis.Client) error {
		_, err := c.Config.Unset(ctx, "example-go", nil)
		return err
	}},
	{"Keys.Create", "public key", "empty", func(ctx context.Context, c *deis.Client) error {
		_, err := c.Keys.Create(ctx, keys.CreateParams{ID: "example"})
		return err
	}},
	{"Keys.Create", "public key", "the private half", func(ctx context.Context, c *deis.Client) error {
		_, err := c.Keys.Create(ctx, keys.CreateParams{ID: "example", Public: "-----BEGIN OPENSSH PRIVATE KEY-----\nabc"})
		return err
	}},
	{"Keys.Create", "public key", "the private half of PuTTY", func(ctx context.Context, c *deis.Client) error {
		_, err := c.Keys.Create(ctx, keys.CreateParams{ID: "example", Public: "PuTTY-User-Key-File-2: ssh-rsa\nPrivate-Lines: 8"})
		return err
	}},
	{"Services.Create", "path pattern", "empty", func(ctx context.Context, c *deis.Client) error {
		return c.Services.Create(ctx, "example-go", services.CreateParams{ProcfileType: "web"})
	}},
	{"Settings.Set", "changes", "none", func(ctx context.Context, c *deis.Client) error {
		_, err := c.Settings.Set(ctx, "example-go", settings.Changes{})
		return err
	}},
	{"Settings.Set", "whitelist", "empty", func(ctx context.Context, c *deis.Client) error {
		_, err := c.Settings.Set(ctx, "example-go", settings.Changes{Whitelist: []string{}})
		return err
	}},
	{"Settings.Allow", "addresses", "none", func(ctx context.Context, c *deis.Client) error {
		return c.Settings.Allow(ctx, "example-go", nil)
	}},
	{"Settings.Disallow", "addresses", "none", func(ctx context.Context, c *deis.Client) error {
		return c.Settings.Disallow(ctx, "example-go", nil)
	}},
	{"Perms.Grant", "username", "empty", func(ctx context.Context, c *deis.Client) error {
		return c.Perms.Grant(ctx, "example-go", "")
	}},
	{"Perms.GrantAdmin", "username", "empty", func(ctx context.Context, c *deis.Client) error {
		return c.Perms.GrantAdmin(ctx, "")
	}},
	{"Pods.Scale", "structure", "empty", func(ctx context.Context, c *deis.Client) error {
		return c.Pods.Scale(ctx, "example-go", nil)
	}},
	{"Pods.Scale", "number of web", "negative", func(ctx context.Context, c *deis.Client) error {
		return c.Pods.Scale(ctx, "example-go", map[string]int{"web": -1})
	}},
	{"Releases.Get", `release "v0"`, "zero", func(ctx context.Context, c *deis.Client) error {
		_, err := c.Releases.Get(ctx, "example-go", 0)
		return err
	}},
	{"Releases.Get", `release "v-1"`, "negative", func(ctx context.Context, c *deis.Client) error {
		_, err := c.Releases.Get(ctx, "example-go", -1)
		return err
	}},
	{"Releases.Rollback", "version", "negative", func(ctx context.Context, c *deis.Client) error {
		_, err := c.Releases.Rollback(ctx, "example-go", -1)
		return err
	}},
}

func TestTheErrorNamesABadArgumentAndNothingIsSent(t *testing.T) {
	for _, r := range refusals {
		t.Run(r.method+" "+r.argument+" "+r.situation, func(t *testing.T) {
			err := r.call(t.Context(), silentClient(t))
			require.ErrorIs(t, err, deis.ErrInvalidArgument)
			assert.ErrorContains(t, err, "invalid argument: "+r.argument+" ")
		})
	}
}

// harmless are the methods without an argument that the SDK could refuse.
var harmless = []string{"Auth.Whoami", "Auth.Cancel"}

func TestEveryMethodIsInATableAbove(t *testing.T) {
	tested := slices.Clone(harmless)
	for _, h := range hazards {
		tested = append(tested, h.method)
	}
	for _, l := range listings {
		tested = append(tested, l.method)
	}
	for _, r := range refusals {
		tested = append(tested, r.method)
	}
	for _, service := range reflect.VisibleFields(reflect.TypeFor[deis.Client]()) {
		for i := range service.Type.NumMethod() {
			if service.IsExported() {
				assert.Contains(t, tested, service.Name+"."+service.Type.Method(i).Name)
			}
		}
	}
}

// A newerOperation is one that not every API version has.
type newerOperation struct {
	need version.API
	call func(context.Context, *deis.Client) error
}

var newerOperations = map[string]newerOperation{
	"whoami": {version.V2_2, func(ctx context.Context, c *deis.Client) error {
		_, err := c.Auth.Whoami(ctx)
		return err
	}},
	"updating an app": {version.V2, func(ctx context.Context, c *deis.Client) error {
		return c.Apps.Update(ctx, "example-go", apps.UpdateParams{Owner: "bob"})
	}},
	"attaching a certificate": {version.V2, func(ctx context.Context, c *deis.Client) error {
		return c.Certs.Attach(ctx, "foo", "test.com")
	}},
	"detaching a certificate": {version.V2, func(ctx context.Context, c *deis.Client) error {
		return c.Certs.Detach(ctx, "foo", "test.com")
	}},
	"a health check": {version.V2, func(ctx context.Context, c *deis.Client) error {
		_, err := c.Config.Set(ctx, "example-go", config.Changes{Healthcheck: map[string]config.Healthcheck{"web": nil}})
		return err
	}},
	"a wildcard domain": {version.V2, func(ctx context.Context, c *deis.Client) error {
		return c.Domains.Delete(ctx, "example-go", "*.example.com")
	}},
	"a registry login": {version.V2_2, func(ctx context.Context, c *deis.Client) error {
		_, err := c.Config.Set(ctx, "example-go", config.Changes{Registry: map[string]*string{"username": nil}})
		return err
	}},
	"a lifecycle hook or grace period": {version.V2_3, func(ctx context.Context, c *deis.Client) error {
		_, err := c.Config.Set(ctx, "example-go", config.Changes{LifecyclePostStart: map[string]*string{"web": nil}})
		return err
	}},
	"getting one build": {version.V2_3, func(ctx context.Context, c *deis.Client) error {
		_, err := c.Builds.Get(ctx, "example-go", "c41688f5-76e9-41f5-9d0f-1a693c65ed70")
		return err
	}},
	"getting one key": {version.V2_3, func(ctx context.Context, c *deis.Client) error {
		_, err := c.Keys.Get(ctx, "laptop")
		return err
	}},
	"services": {version.V2_3, func(ctx context.Context, c *deis.Client) error {
		_, err := c.Services.List(ctx, "example-go")
		return err
	}},
	"an app's settings": {version.V2_3, func(ctx context.Context, c *deis.Client) error {
		_, err := c.Settings.Get(ctx, "example-go")
		return err
	}},
	"enforcing HTTPS": {version.V2_3, func(ctx context.Context, c *deis.Client) error {
		_, err := c.TLS.Get(ctx, "example-go")
		return err
	}},
}

func TestAnOperationThatTheVersionLacksIsRefusedWithoutARequest(t *testing.T) {
	for operation, o := range newerOperations {
		for _, api := range []version.API{version.V1_6, {Major: 2, Minor: 1}, version.V2_2} {
			if api.AtLeast(o.need) {
				continue
			}
			t.Run(operation+" in "+api.String(), func(t *testing.T) {
				err := o.call(t.Context(), exchange.Client(t, api.String()))
				require.ErrorIs(t, err, errors.ErrUnsupported)
				var unsupported *version.UnsupportedError
				require.ErrorAs(t, err, &unsupported)
				assert.Equal(t, version.UnsupportedError{Operation: operation, Have: api, Need: o.need}, *unsupported)
			})
		}
	}
}

// silentClient makes a client that fails the test if it sends anything, even the version probe.
func silentClient(t *testing.T) *deis.Client {
	t.Helper()
	client, err := deis.New("https://deis.example.com", deis.WithToken("abc123"), deis.WithTransport(silence{t}),
		deis.WithRetry(deis.RetryPolicy{}))
	require.NoError(t, err)
	return client
}

type silence struct{ t *testing.T }

func (s silence) RoundTrip(req *http.Request) (*http.Response, error) {
	s.t.Errorf("%s %s was sent", req.Method, req.URL)
	return nil, errors.New("sent")
}

// rangeOver ranges over seq and returns its first error.
func rangeOver[T any](seq iter.Seq2[T, error]) error {
	_, err := deis.Collect(seq)
	return err
}

func TestPrintingShowsNoSecret(t *testing.T) {
	const secret = "opensesame"
	value := secret
	for _, v := range []any{
		auth.RegisterParams{Username: "test", Password: secret},
		&auth.RegisterParams{Username: "test", Password: secret},
		auth.PasswordParams{Password: secret, NewPassword: secret, Username: "test"},
		&auth.PasswordParams{Password: secret, NewPassword: secret, Username: "test"},
		certs.CreateParams{Name: "test", Certificate: "PEM", Key: secret},
		&certs.CreateParams{Name: "test", Certificate: "PEM", Key: secret},
		config.Changes{Values: map[string]*string{"test": &value}, Healthcheck: probe(secret), Registry: map[string]*string{"password": &value}},
		&config.Changes{Values: map[string]*string{"test": &value}, Healthcheck: probe(secret), Registry: map[string]*string{"password": &value}},
		config.Config{App: "test", Values: map[string]string{"A": secret}, Registry: map[string]string{"password": secret}, Healthcheck: probe(secret)},
		&config.Config{App: "test", Values: map[string]string{"A": secret}, Registry: map[string]string{"password": secret}, Healthcheck: probe(secret)},
	} {
		for _, form := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			printed := fmt.Sprintf(form, v)
			assert.NotContains(t, printed, secret, "%T as %s", v, form)
			assert.Contains(t, printed, "test", "%T as %s", v, form)
		}
	}
	for _, v := range []any{
		auth.RegisterParams{Username: "test", Password: secret},
		auth.PasswordParams{Password: secret, NewPassword: secret, Username: "test"},
		certs.CreateParams{Name: "test", Certificate: "PEM", Key: secret},
	} {
		written, err := json.Marshal(v)
		require.NoError(t, err)
		assert.NotContains(t, string(written), secret, "%T as JSON", v)
		assert.Contains(t, string(written), "test", "%T as JSON", v)
	}
}

// probe returns a health check with a secret in a header.
func probe(secret string) map[string]config.Healthcheck {
	return map[string]config.Healthcheck{"web": {config.LivenessProbe: {
		HTTPGet: &config.HTTPGet{Headers: []config.Header{{Name: "Authorization", Value: secret}}},
	}}}
}
