package rest_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/rest"
	"github.com/deisgo/deis/version"
)

// places are the positions of identifiers in paths; * is the identifier.
var places = map[string]struct{ path, argument string }{
	"app":       {"apps/*", "app"},
	"app below": {"apps/*/config", "app"},
	"username":  {"apps/x/perms/*", "username"},
	"admin":     {"admin/perms/*", "username"},
	"domain":    {"apps/x/domains/*", "domain"},
	"attached":  {"certs/c/domain/*", "domain"},
	"cert":      {"certs/*", "certificate name"},
	"key":       {"keys/*", "key id"},
	"release":   {"apps/x/releases/*", "release"},
	"build":     {"apps/x/builds/*", "build"},
	"type":      {"apps/x/pods/*", "process type"},
	"type 1.6":  {"apps/x/containers/*", "process type"},
	"all pods":  {"apps/x/pods/*/restart", "process type"},
	"pod type":  {"apps/x/pods/*/x-web-1/restart", "process type"},
	"pod":       {"apps/x/pods/web/*/restart", "pod name"},
	"number":    {"apps/x/containers/web/*/restart", "pod name"},
	"other":     {"settings/*", "path element"},
	"first":     {"*", "path element"},
}

// at returns the path of a place with an identifier in it.
func at(place, id string) rest.Endpoint {
	elems := strings.Split(places[place].path, "/")
	for i := range elems {
		if elems[i] == "*" {
			elems[i] = id
		}
	}
	return rest.Path(elems...)
}

// sentPath makes a call, and returns the path of its request, without the version, or "" if none is sent.
func sentPath(t *testing.T, at rest.Endpoint) (path string, err error) {
	client := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
		path = strings.TrimPrefix(req.URL.EscapedPath(), "/v2")
		return response(200, "{}"), nil
	}))
	_, err = rest.Get[struct{}](t.Context(), client, at)
	return path, err
}

func TestIdentifiersThatMatchTheServersPatternAreSentUnchanged(t *testing.T) {
	for place, ids := range map[string][]string{
		"app":      {"example-go", "a", "0", "-", "apps"},
		"username": {"jo", "jo_hn", "jo-hn", "jo.hn", "amy@corp", "plus+user", "perms", "42"},
		"admin":    {"amy_1"},
		"domain":   {"example.com", "xn--bcher-kva.example", "*.example.com", "a_b.c", "domains"},
		"attached": {"*.example.com"},
		"cert":     {"foo", "*.example.com", "star_example-com", "domain", "*"},
		"key":      {"test@example.com", "with space/and slash", "ключ", "a?b#c%2F&d", "...", "*"},
		"release":  {"v1", "v2", "v10", "v99999999999999999999", "rollback"},
		"build":    {"de1bf5b5-4a72-4f94-a10c-d2a3741cdf75"},
		"type":     {"web", "web.1", "my_worker-2", "restart"},
		"type 1.6": {"web.1"},
		"all pods": {"web", "web.1", "restart"},
		"pod type": {"web", "my_worker-2", "restart"},
		"pod":      {"go-v2-web-e7dej", "restart"},
		"number":   {"1"},
		"other":    {"anything.at all", "a%2Fb", "?", "#", "\\"},
		"first":    {"settings"},
	} {
		for _, id := range ids {
			path, err := sentPath(t, at(place, id))
			require.NoError(t, err, "%s %q", place, id)
			var got string
			for i, elem := range strings.Split(places[place].path+"/", "/") {
				if elem == "*" {
					got = strings.Split(path, "/")[i+1]
				}
			}
			assert.Equal(t, id, unescape(t, got), "%s %q was sent as %s", place, id, path)
		}
	}
}

func TestIdentifiersThatDoNotMatchTheServersPatternAreNeverSent(t *testing.T) {
	// What no place allows, and what only keys and unknown paths allow.
	never := []string{"", ".", "..", "a\nb", "a\x00b", "a\x7fb", "\xff", "a\xc3"}
	mostlyNot := []string{"a b", "a/b", "../b", "a/../b", "a%2Fb", "%2e%2e", "a?b", "a#b", "a;b", "a,b", "a@b", "a+b", "a:b", "a\\b", "a'b", "\u200ba", "a\u2028b", "😀"}
	also := map[string][]string{
		"app":       {"hz_other", "Upper", "a.example.com", "ä", "*"},
		"app below": {"hz_other", "Upper"},
		"username":  {"Jörg", "jo hn", "*"},
		"admin":     {"Jörg", "*"},
		"domain":    {"Bücher.example", "*", "*.", "*example.com", "a.*.com", "**.example.com", "example.com:443"},
		"attached":  {"*"},
		"cert":      {},
		"release":   {"v0", "v-1", "v01", "2", "v", "vabc", "vv2", "v2v", "v1.0", "V2", "rollback2", "latest", "v+1", "v٣"},
		"build":     {"*", "a_b", "a.b"},
		"type":      {"*"},
		"type 1.6":  {"*"},
		"all pods":  {"*"},
		"pod type":  {"web.1", "*"},
		"pod":       {"web.1", "*"},
		"number":    {"web.1"},
	}
	for place, ids := range also {
		also[place] = append(ids, mostlyNot...)
	}
	for _, place := range []string{"username", "admin"} {
		also[place] = slices.DeleteFunc(also[place], func(id string) bool { return id == "a@b" || id == "a+b" })
	}
	also["key"] = []string{"a/./b", "a//b", "a/../b", "/a", "a/", "./a", "a/..", " a", "a ", "\u00a0a"}
	also["other"], also["first"] = []string{"a/b", "../b"}, []string{"a/b", "../b"}

	for place, ids := range also {
		for _, id := range append(ids, never...) {
			path, err := sentPath(t, at(place, id))
			assert.Empty(t, path, "%s %q was sent", place, id)
			require.ErrorIs(t, err, rest.ErrInvalidArgument, "%s %q", place, id)
			assert.Contains(t, err.Error(), places[place].argument, "%s %q", place, id)
			assert.Regexp(t, `^deis: invalid argument: .* (may contain only|must be|must not be) .`, err.Error(), "%s %q", place, id)
			assert.NotContains(t, err.Error(), "\n")
			assert.Less(t, len(err.Error()), 300)
			assert.Equal(t, err, at(place, id).Err())
		}
	}
}

func TestAPatternAllowsItsWholeAlphabetAndNoNeighbor(t *testing.T) {
	const lower, upper, digits, neighbors = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789", "/:@[`{"
	for place, allowed := range map[string]string{
		"app": lower + digits + "-", "cert": lower + upper + digits + "-_.*", "type": lower + upper + digits + "-_.", "pod": lower + upper + digits + "-_",
		"username": lower + upper + digits + ".@+-_", "domain": lower + upper + digits + "-._",
	} {
		assert.NoError(t, at(place, allowed).Err(), place)
		for _, r := range neighbors + "|" {
			if !strings.ContainsRune(allowed, r) {
				assert.ErrorIs(t, at(place, "a"+string(r)).Err(), rest.ErrInvalidArgument, "%s with %c", place, r)
			}
		}
	}
	for number := range 10 {
		assert.Equal(t, number > 0, at("release", fmt.Sprint("v", number)).Err() == nil, "v%d", number)
	}
}

func TestALongIdentifierIsShortenedInTheError(t *testing.T) {
	err := rest.Path("apps", strings.Repeat("A", 1<<20)).Err()
	require.ErrorIs(t, err, rest.ErrInvalidArgument)
	assert.Less(t, len(err.Error()), 300)
}

func TestIdentifiersCanHaveTheNamesOfPathElements(t *testing.T) {
	for _, id := range []string{"apps", "perms", "domains", "domain", "certs", "keys", "containers", "pods", "releases", "restart", "run", "rollback"} {
		for _, below := range []string{"logs", "config", "run", "builds", "releases", "perms", "pods"} {
			path, err := sentPath(t, rest.Path("apps", id, below))
			require.NoError(t, err)
			assert.Equal(t, "/apps/"+id+"/"+below+"/", path)
		}
		for _, elems := range [][]string{
			{"apps", id, "perms", "jo_hn"},
			{"apps", id, "domains", "*.example.com"},
			{"apps", id, "releases", "v2"},
			{"certs", id, "domain", "*.example.com"},
		} {
			assert.NoError(t, rest.Path(elems...).Err(), elems)
		}
		assert.Error(t, rest.Path("apps", id, "releases", "2").Err(), id)
		assert.Error(t, rest.Path("apps", id, "pods", id, "web.1", "restart").Err(), "a pod of type %s", id)
		assert.Error(t, rest.Path("apps", id, "pods", "web.1", id, "restart").Err(), "a pod called %s", id)
	}
}

func TestPathsAreWrittenAsDocumented(t *testing.T) {
	for want, at := range map[string]rest.Endpoint{
		"/apps/":                           rest.Path("apps"),
		"/apps":                            rest.Path("apps").NoSlash(),
		"/apps/a/config/":                  rest.Path("apps", "a", "config"),
		"/certs/*.example.com":             rest.Path("certs", "*.example.com").NoSlash(),
		"/keys/with%20space%2Fand%20slash": rest.Path("keys", "with space/and slash").NoSlash(),
		"/keys/a%3Fb%23c%252F":             rest.Path("keys", "a?b#c%2F").NoSlash(),
		"/keys/test@example.com":           rest.Path("keys", "test@example.com").NoSlash(),
		"/apps/a/perms/jo.hn":              rest.Path("apps", "a", "perms", "jo.hn").NoSlash(),
	} {
		path, err := sentPath(t, at)
		require.NoError(t, err, want)
		assert.Equal(t, want, path)
	}
	err := rest.Path("apps", "Upper").NoSlash().Err()
	assert.ErrorIs(t, err, rest.ErrInvalidArgument, "NoSlash keeps the error")
}

func TestAnOperationHasNamesInsteadOfIdentifiers(t *testing.T) {
	var operation string
	client := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
		operation = rest.Operation(req.Context())
		return response(200, "{}"), nil
	}))
	for _, c := range []struct {
		at   rest.Endpoint
		want string
	}{
		{rest.Path("apps"), "/apps/"},
		{rest.Path("apps", "x"), "/apps/{app}/"},
		{rest.Path("apps", "x", "config"), "/apps/{app}/config/"},
		{rest.Path("apps", "x", "builds", "0"), "/apps/{app}/builds/{uuid}/"},
		{rest.Path("apps", "x", "domains", "*.example.com"), "/apps/{app}/domains/{domain}/"},
		{rest.Path("apps", "x", "perms", "jo.hn").NoSlash(), "/apps/{app}/perms/{username}"},
		{rest.Path("apps", "x", "pods", "web"), "/apps/{app}/pods/{type}/"},
		{rest.Path("apps", "x", "pods", "web", "x-web-1", "restart"), "/apps/{app}/pods/{type}/{pod}/restart/"},
		{rest.Path("apps", "x", "pods", "web", "restart"), "/apps/{app}/pods/{type}/restart/"},
		{rest.Path("apps", "x", "pods", "restart"), "/apps/{app}/pods/restart/"},
		{rest.Path("apps", "x", "containers", "web", "1", "restart"), "/apps/{app}/containers/{type}/{pod}/restart/"},
		{rest.Path("apps", "x", "containers", "web", "restart"), "/apps/{app}/containers/{type}/restart/"},
		{rest.Path("apps", "x", "containers", "restart"), "/apps/{app}/containers/restart/"},
		{rest.Path("apps", "x", "releases", "v1"), "/apps/{app}/releases/{release}/"},
		{rest.Path("apps", "x", "releases", "rollback"), "/apps/{app}/releases/rollback/"},
		{rest.Path("admin", "perms", "jo"), "/admin/perms/{username}/"},
		{rest.Path("auth", "cancel"), "/auth/cancel/"},
		{rest.Path("auth", "login"), "/auth/login/"},
		{rest.Path("auth", "passwd"), "/auth/passwd/"},
		{rest.Path("auth", "register"), "/auth/register/"},
		{rest.Path("auth", "tokens"), "/auth/tokens/"},
		{rest.Path("auth", "whoami"), "/auth/whoami/"},
		{rest.Path("certs", "c", "domain", "example.com"), "/certs/{name}/domain/{domain}/"},
		{rest.Path("keys", "a/b"), "/keys/{id}/"},
		{rest.Path("widgets", "x", "parts", "y"), "/widgets/{id}/parts/{id}/"},
	} {
		_, err := rest.Get[struct{}](t.Context(), client, c.at)
		require.NoError(t, err, c.want)
		assert.Equal(t, "GET "+c.want, operation)
	}
}

func TestDeleteRefusesPathsThatDestroySomethingElse(t *testing.T) {
	const both = "1.6 2.2"
	for _, c := range []struct {
		refused string // by which versions
		elems   []string
		says    string
	}{
		{both, []string{"apps", "x", "whatever"}, "would destroy /apps/x instead"},
		{both, []string{"apps", "x", "domains"}, "would destroy /apps/x instead"},
		{both, []string{"apps", "x", "perms"}, "would destroy /apps/x instead"},
		{both, []string{"apps", "x", "config", "domains"}, "would destroy /apps/x instead"},
		{both, []string{"apps", "x", "domain", "example.com"}, "would destroy /apps/x instead"},
		{both, []string{"apps", "x", "domains", "example.com", "more"}, "would destroy /apps/x instead"},
		{both, []string{"apps", "x", "releases", "v1"}, "would destroy /apps/x instead"},
		{both, []string{"apps", "x", "pods", "web"}, "would destroy /apps/x instead"},
		{both, []string{"certs", "c", "domains", "d.example.com"}, "would destroy /certs/c instead"},
		{both, []string{"certs", "c", "domain"}, "would destroy /certs/c instead"},
		{both, []string{"certs", "c", "anything"}, "would destroy /certs/c instead"},
		{"1.6", []string{"certs", "c", "domain", "d.example.com"}, "older servers"},
		{"1.6", []string{"apps", "x", "domains", "*.example.com"}, "older servers cut the domain short"},
		{both, []string{"apps", "x", "perms", "jo.hn"}, "older servers cut the username short"},
		{both, []string{"apps", "x", "whitelist"}, "would destroy /apps/x instead"},
		{both, []string{"apps", "x", "services"}, "would destroy /apps/x instead"},
		{both, []string{"admin", "perms", "amy@corp"}, "cannot be deleted safely in API"},
		{both, []string{"apps"}, "cannot be deleted safely in API"},
		{both, []string{"auth", "cancel", "alice"}, "would destroy /auth/cancel instead"},

		{"", []string{"apps", "x"}, ""},
		{"", []string{"apps", "x", "domains", "example.com"}, ""},
		{"", []string{"apps", "x", "perms", "jo"}, ""},
		{"", []string{"certs", "c"}, ""},
		{"", []string{"keys", "k"}, ""},
		{"", []string{"admin", "perms", "jo"}, ""},
		{"", []string{"auth", "cancel"}, ""},
		{"", []string{"things", "x", "parts", "y"}, ""},
	} {
		for _, api := range []version.API{version.V1_6, version.V2_2} {
			requests := 0
			client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
				requests++
				return response(204, "", version.Header+": "+api.String()), nil
			}), func(c *rest.Config) { c.API = api })
			err := rest.Delete(t.Context(), client, rest.Path(c.elems...))
			if !strings.Contains(c.refused, api.String()) {
				require.NoError(t, err, "%s %v", api, c.elems)
				assert.Equal(t, 1, requests)
				continue
			}
			require.ErrorIs(t, err, rest.ErrInvalidArgument, "%s %v", api, c.elems)
			assert.Contains(t, err.Error(), c.says)
			assert.Zero(t, requests, "%s %v was sent", api, c.elems)

			require.NoError(t, rest.Delete(t.Context(), client, rest.Path(c.elems...), rest.WithUnknownPath()), "a caller who knows the server can send it")
			assert.Equal(t, 1, requests)
		}
	}
}

func TestAPI23CanDeleteFromTheWhitelist(t *testing.T) {
	at23 := func(c *rest.Config) { c.API = version.V2_3 }
	whitelist, services := rest.Path("apps", "x", "whitelist"), rest.Path("apps", "x", "services")
	client := newClient(t, always(204, "", version.Header+": 2.3"), at23)
	assert.NoError(t, rest.Delete(t.Context(), client, whitelist))
	assert.ErrorIs(t, rest.Delete(t.Context(), client, services), rest.ErrInvalidArgument, "servers of 2.3 before Workflow v2.7 destroy the app")

	older := newClient(t, always(200, `{"id":"x"}`, version.Header+": 2.2"), at23) // pinned to a newer version than the Controller's
	_, err := rest.Get[thing](t.Context(), older, rest.Path("apps", "x"))
	require.NoError(t, err)
	assert.ErrorIs(t, rest.Delete(t.Context(), older, whitelist), rest.ErrInvalidArgument, "a 2.2 Controller would destroy the app")
}

func TestCheckChecksAnIdentifierWithoutAPath(t *testing.T) {
	require.NoError(t, rest.Check("apps/*/domains/*", "www.example.com"))
	assert.EqualError(t, rest.Check("apps/*", "Upper"), `deis: invalid argument: app "Upper" may contain only a-z, 0-9 and -`)
	assert.ErrorIs(t, rest.Check("apps/*/pods/*", ""), rest.ErrInvalidArgument)
	for _, pattern := range []string{"apps", "apps/*/config", "nothing/*", ""} {
		assert.PanicsWithValue(t, "deis: rest.Check: no rule for "+pattern, func() { rest.Check(pattern, "x") })
	}
}

func TestARuleAppliesOnlyInItsWholePath(t *testing.T) {
	for _, elems := range [][]string{{"charts", "releases", "latest"}, {"charts", "apps", "Upper"}, {"x", "keys", " a "}} {
		assert.NoError(t, rest.Path(elems...).Err(), elems)
	}
}

func TestAPathCopiesItsElements(t *testing.T) {
	elems := []string{"apps", "x", "whatever"}
	at := rest.Path(elems...)
	elems[0] = "settings" // the path that is sent must stay the one that was checked
	client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
		return nil, errors.New("was sent")
	}))
	assert.ErrorIs(t, rest.Delete(t.Context(), client, at), rest.ErrInvalidArgument)
}
