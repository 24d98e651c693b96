package deistest

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/deisgo/deis/version"
)

// The parts of paths, as in the URL patterns of real Controllers, under their names in request.vars. \pL\pN stands for
// Django's \w, which matches letters of all alphabets.
const (
	anApp      = `(?P<app>[a-z0-9-]+)`
	aBuild     = `(?P<build>[-_\pL\pN]+)`
	aCert      = `(?P<cert>[-_*.\pL\pN]+)`
	aDomain1   = `(?P<domain>[-._\pL\pN]+)`
	aDomain2   = `(?P<domain>\**\.?[-._\pL\pN]+)`
	aKey       = `(?P<key>.+)`
	aPod       = `(?P<pod>[-_\pL\pN]+)`
	aType      = `(?P<type>[-_.\pL\pN]+)`
	aUser      = `(?P<user>[-_\pL\pN]+)`
	anyUser    = `(?P<user>[-_.@+\pL\pN]+)`
	aVersion   = `v(?P<version>[0-9]+)`
	underAnApp = `apps/` + anApp + `/`
)

// A handler carries out one request and returns the response.
type handler func(*request) *response

type methods map[string]handler

// A route has the handlers of the paths that match a pattern. A trailing slash is required, forbidden or, usually,
// optional ("/?"), as in real Controllers. Unlike theirs, the patterns are matched against the whole path.
type route struct {
	pattern string
	methods methods
	access  access
	from    version.API // the first version that has the route; zero if there was always one
	before  version.API // the first version that no longer has it; zero if none
	late    bool        // not in early servers of API 2.3
	early   bool        // not in late servers
}

// access is who may use a route.
type access int

const (
	signedIn access = iota // a user
	verified               // anybody, but if there is a token, it must be valid
	anybody                // anybody; a token is ignored
)

// v2_0 separates the two families of versions.
var v2_0 = version.API{Major: 2}

// routes is the table of all paths, below the version prefix. The first match counts.
var routes = compile([]route{
	{pattern: ``, methods: methods{"GET": root}},

	{pattern: `auth/register/?`, methods: methods{"POST": register}, access: anybody},
	{pattern: `auth/login/`, methods: methods{"POST": login}, access: verified},
	{pattern: `auth/cancel/?`, methods: methods{"DELETE": cancelAccount}},
	{pattern: `auth/passwd/?`, methods: methods{"POST": changePassword}},
	{pattern: `auth/tokens/`, methods: methods{"POST": regenerateToken}, access: verified},
	{pattern: `auth/whoami/?`, methods: methods{"GET": whoami}, from: version.V2_2},
	{pattern: `users/`, methods: methods{"GET": forAdmins(listUsers)}, before: v2_0},
	{pattern: `users/?`, methods: methods{"GET": forAdmins(listUsers)}, from: v2_0},

	{pattern: `apps/?`, methods: methods{"GET": listApps, "POST": createApp}},
	{pattern: `apps/` + anApp + `/?`, methods: methods{"GET": inApp(getApp), "DELETE": inApp(ownerOnly(deleteApp))},
		before: v2_0},
	{pattern: `apps/` + anApp + `/?`, from: v2_0, methods: methods{"GET": inApp(getApp),
		"POST": inApp(updateApp), "DELETE": inApp(ownerOnly(deleteApp))}},
	{pattern: underAnApp + `logs/?`, methods: methods{"GET": inApp(getLogs)}},
	{pattern: underAnApp + `run/?`, methods: methods{"POST": inApp(runCommand)}},
	{pattern: underAnApp + `scale/?`, methods: methods{"POST": inApp(scaleApp)}},
	{pattern: underAnApp + `config/?`, methods: methods{"GET": inApp(getConfig), "POST": inApp(setConfig)}},
	{pattern: underAnApp + `builds/?`, methods: methods{"GET": inApp(listBuilds), "POST": inApp(createBuild)}},
	{pattern: underAnApp + `builds/` + aBuild + `/?`, methods: methods{"GET": inApp(getBuild)}},
	{pattern: underAnApp + `releases/?`, methods: methods{"GET": inApp(listReleases)}},
	{pattern: underAnApp + `releases/` + aVersion + `/?`, methods: methods{"GET": inApp(getRelease)}},
	{pattern: underAnApp + `releases/rollback/?`, methods: methods{"POST": inApp(rollback)}},

	{pattern: underAnApp + `containers/?`, methods: methods{"GET": inApp(listContainers)}, before: v2_0},
	{pattern: underAnApp + `containers/(?:` + aType + `/(?:(?P<pod>[^/]+)/)?)?restart/?`,
		methods: methods{"POST": restart}, before: v2_0},
	{pattern: underAnApp + `containers/` + aType + `/?`, methods: methods{"GET": inApp(listContainers)}, before: v2_0},
	{pattern: underAnApp + `containers/` + aType + `/` + aPod + `/?`,
		methods: methods{"GET": inApp(getContainer)}, before: v2_0},

	{pattern: underAnApp + `pods/?`, methods: methods{"GET": inApp(listPods)}, from: v2_0},
	{pattern: underAnApp + `pods/(?:` + aType + `/(?:` + aPod + `/)?)?restart/?`,
		methods: methods{"POST": restart}, from: v2_0},
	{pattern: underAnApp + `pods/` + aType + `/?`, methods: methods{"GET": inApp(listPods)}, from: v2_0},
	{pattern: underAnApp + `pods/` + aType + `/` + aPod + `/?`, methods: methods{"GET": inApp(listPods)}, from: v2_0},

	{pattern: underAnApp + `domains/?`, methods: methods{"GET": inApp(listDomains), "POST": inApp(createDomain)}},
	{pattern: underAnApp + `domains/` + aDomain1 + `/?`,
		methods: methods{"DELETE": inApp(ownerOnly(deleteDomain))}, before: v2_0},
	{pattern: underAnApp + `domains/` + aDomain2 + `/?`,
		methods: methods{"DELETE": inApp(ownerOnly(deleteDomain))}, from: v2_0},
	{pattern: underAnApp + `settings/?`,
		methods: methods{"GET": inApp(getSettings), "POST": inApp(setSettings)}, from: v2_0},
	{pattern: underAnApp + `whitelist/?`, from: version.V2_3, methods: methods{"GET": inApp(getWhitelist),
		"POST": inApp(allowAddresses), "DELETE": inApp(ownerOnly(disallowAddresses))}},
	{pattern: underAnApp + `tls/?`, methods: methods{"GET": inApp(getTLS), "POST": inApp(setTLS)}, from: version.V2_3},
	{pattern: underAnApp + `services/?`, from: version.V2_3, late: true, methods: methods{"GET": inApp(listServices),
		"POST": inApp(setService), "DELETE": inApp(ownerOnly(deleteService))}},
	{pattern: underAnApp + `perms/?`,
		methods: methods{"GET": inApp(listCollaborators), "POST": inApp(ownerOnly(addCollaborator))}},
	{pattern: underAnApp + `perms/` + aUser + `/?`, methods: methods{"DELETE": removeCollaborator}},
	{pattern: `admin/perms/?`, methods: methods{"GET": forAdmins(listAdmins), "POST": forAdmins(addAdmin)}},
	{pattern: `admin/perms/` + anyUser + `/?`, methods: methods{"DELETE": forAdmins(removeAdmin)}, from: version.V2_3,
		late: true},
	{pattern: `admin/perms/` + aUser + `/?`, methods: methods{"DELETE": forAdmins(removeAdmin)}},

	{pattern: `certs/?`, methods: methods{"GET": listCerts, "POST": createCert}},
	{pattern: `certs/` + aCert + `/?`, methods: methods{"GET": getCert, "DELETE": deleteCert}},
	{pattern: `certs/` + aCert + `/domain/(?:` + aDomain2 + `)?`, late: true,
		methods: methods{"POST": attachCert, "DELETE": detachCert}, from: version.V2_3},
	{pattern: `certs/` + aCert + `/domain/(?:` + aDomain2 + `/?)?`,
		methods: methods{"POST": attachCert, "DELETE": detachCert}, from: v2_0, early: true},

	{pattern: `keys/?`, methods: methods{"GET": listKeys, "POST": createKey}},
	{pattern: `keys/` + aKey, methods: methods{"GET": getKey, "DELETE": deleteKey}},
})

// A compiledRoute is a route with its compiled pattern and its Allow header.
type compiledRoute struct {
	route
	match *regexp.Regexp
	allow string
}

func compile(table []route) []*compiledRoute {
	var list []*compiledRoute
	for _, r := range table {
		list = append(list, &compiledRoute{r, regexp.MustCompile(`^/` + r.pattern + `$`), r.methods.allow()})
	}
	return list
}

// parse returns the named parts of a path, nil if the route does not match it.
func (r *compiledRoute) parse(path string) map[string]string {
	parts := r.match.FindStringSubmatch(path)
	if parts == nil {
		return nil
	}
	vars := map[string]string{}
	for i, name := range r.match.SubexpNames() {
		vars[name] = parts[i]
	}
	return vars
}

// allow returns the Allow header that every response of a route has, in Django's order.
func (m methods) allow() string {
	var list []string
	for _, method := range []string{"GET", "POST", "DELETE"} {
		if m[method] != nil {
			list = append(list, method)
		}
	}
	if m["GET"] != nil {
		list = append(list, "HEAD")
	}
	return strings.Join(append(list, "OPTIONS"), ", ")
}

// hasRoute reports whether the Controller's version has a route.
func (c *Controller) hasRoute(r *compiledRoute) bool {
	return c.api.AtLeast(r.from) && (r.before == version.API{} || !c.api.AtLeast(r.before)) &&
		(!r.late || c.late23()) && (!r.early || !c.late23())
}

// respond finds the route of a request and carries it out.
func (q *request) respond() *response {
	path := q.http.URL.Path
	if !q.late23() {
		path = "/" + strings.TrimLeft(path, "/") // several slashes at the start count as one
	}
	if q.v2() && (path == "/healthz" || path == "/readiness") {
		return q.health()
	}
	if !q.v2() && !isASCII(path) {
		return q.crash()
	}
	below, isOurs := strings.CutPrefix(path, q.prefix())
	if !isOurs {
		return q.unknownRoute()
	}
	for _, r := range routes {
		if vars := r.parse(below); vars != nil && q.hasRoute(r) {
			q.vars = vars
			return q.handle(r)
		}
	}
	return q.unknownRoute()
}

// health returns the response of the health checks, which need no token.
func (q *request) health() *response {
	page := &response{status: http.StatusOK, contentType: "text/html; charset=utf-8"}
	switch q.http.Method {
	case http.MethodGet, http.MethodHead:
		page.body = []byte("OK")
		return page
	case http.MethodOptions:
	default:
		page.status = http.StatusMethodNotAllowed
	}
	return page.withHeaders(map[string]string{"Allow": "GET, HEAD, OPTIONS"})
}

// handle checks a request in the order of real Controllers: its sender, then its method.
func (q *request) handle(r *compiledRoute) *response {
	resp := q.authenticate(r.access)
	if resp == nil {
		resp = q.call(r.methods)
	}
	if resp.status == http.StatusInternalServerError && !q.v2() {
		return resp // a crash in 1.6 has no Allow header
	}
	return resp.withHeaders(map[string]string{"Allow": r.allow})
}

func (q *request) call(m methods) *response {
	method := q.http.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if h := m[method]; h != nil {
		return h(q)
	}
	if method == http.MethodOptions {
		return empty(http.StatusOK)
	}
	return detail(http.StatusMethodNotAllowed, "Method %s not allowed.", q.quote(method))
}

// root serves GET /v1/ and GET /v2/, which show only that the token is valid.
func root(*request) *response { return ok(struct{}{}) }
