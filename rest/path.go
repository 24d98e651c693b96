package rest

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/deisgo/deis/version"
)

// An Endpoint is a path below the API's version prefix, or the error of an invalid one. Make one with Path.
type Endpoint struct {
	path  string // escaped, with slashes at both ends unless NoSlash removed the last
	place *place // the last element in the table of known paths; nil: it is not in the table

	serial string // the identifier whose writes take turns, or ""
	rule   *rule  // of serial
	err    error
}

// Path joins the elements of a path and ends it with a slash, like most paths of the API: Path("apps", id, "config") is
// /apps/{id}/config/. Every identifier must match the whole of the pattern that real Controllers have for it, because
// servers before Workflow v2.7 cut off what does not match and carry out the request on the rest: a DELETE of
// /apps/hz_other destroys the app hz. An element of an unknown path must be one plain segment.
//
// Path does not return the error of a bad element: the call that uses the Endpoint does. That error matches
// ErrInvalidArgument, and nothing is sent.
func Path(elems ...string) Endpoint {
	e := Endpoint{place: &root}
	var b strings.Builder
	b.Grow(64) // most paths are shorter
	b.WriteByte('/')
	for i, elem := range elems {
		r := &plainRule
		if e.place = e.place.child(elem, i == len(elems)-1); e.place != nil && e.place.rule != nil {
			r = e.place.rule
		}
		err := r.check(elem)
		if err == nil && r.before != nil {
			err = r.before.check(elems[i-1])
		}
		if err != nil {
			return Endpoint{err: err}
		}
		if e.place != nil && e.place.serial {
			e.serial, e.rule = elem, e.place.rule
		}
		b.WriteString(escape(elem))
		b.WriteByte('/')
	}
	e.path = b.String()
	return e
}

// Check returns what is wrong with an identifier in a body, or nil. The pattern is that of a path that ends in the
// identifier: Check("apps/*/domains/*", "www.example.com"). Check panics if the SDK has no rule for the pattern.
func Check(pattern, value string) error {
	at := &root
	for elem := range strings.SplitSeq(pattern, "/") {
		at = at.literal(elem)
	}
	if at == nil || at.rule == nil {
		panic("deis: rest.Check: no rule for " + pattern)
	}
	return at.rule.check(value)
}

// NoSlash removes the trailing slash, for paths that are documented without one.
func (e Endpoint) NoSlash() Endpoint {
	e.path = strings.TrimSuffix(e.path, "/")
	return e
}

// Err returns what is wrong with the path, or nil. Calls check it too.
func (e Endpoint) Err() error { return e.err }

// step is one element of an Endpoint's path, with its place.
type step struct {
	elem string
	at   *place // nil: it is not in the table of known paths
}

func (e Endpoint) steps() []step {
	elems := strings.Split(strings.Trim(e.path, "/"), "/")
	steps := make([]step, len(elems))
	at := &root
	for i, elem := range elems {
		elem, _ = url.PathUnescape(elem) //nolint:errcheck // Path has escaped it
		at = at.child(elem, i == len(elems)-1)
		steps[i] = step{elem, at}
	}
	return steps
}

// after returns the identifier that follows a collection, or "". It is called for each item of a list.
func (e Endpoint) after(collection string) string {
	rest := strings.Trim(e.path, "/")
	for isCollection := true; rest != ""; isCollection = !isCollection {
		var elem string
		elem, rest, _ = strings.Cut(rest, "/")
		if isCollection && elem == collection {
			id, _, _ := strings.Cut(rest, "/")
			id, _ = url.PathUnescape(id) //nolint:errcheck // Path has escaped it
			return id
		}
	}
	return ""
}

// template returns the path with names instead of the identifiers: /apps/{app}/config/.
func (e Endpoint) template() string {
	var b strings.Builder
	for i, s := range e.steps() {
		switch {
		case s.at != nil && s.at.rule != nil:
			s.elem = "{" + s.at.rule.name + "}"
		case s.at == nil && i%2 == 1: // an unknown path: collection, identifier, collection, …
			s.elem = "{id}"
		}
		b.WriteString("/" + s.elem)
	}
	if strings.HasSuffix(e.path, "/") {
		b.WriteByte('/')
	}
	return b.String()
}

// turn names the turn that a write to the endpoint waits for, "app example-go", or is empty.
func (e Endpoint) turn() string {
	if e.serial == "" || e.place != nil && e.place.noTurn {
		return ""
	}
	return e.rule.argument + " " + e.serial
}

// checkDelete refuses a DELETE with which a real Controller could destroy something else. Below a known resource it
// allows only what the table says is safe: servers before Workflow v2.7 carry out the DELETE of any other path on its
// parent.
func (e Endpoint) checkDelete(api version.API) error {
	steps := e.steps()
	if steps[0].at == nil {
		return nil // no Controller mistakes this resource for another
	}
	isSafe := func(s step) bool {
		return s.at != nil && s.at.deletes != (version.API{}) && api.AtLeast(s.at.deletes) &&
			(s.at.rule == nil || s.at.rule.isMatchedWhole == nil || s.at.rule.isMatchedWhole(s.elem, api))
	}
	if isSafe(steps[len(steps)-1]) {
		return nil
	}
	rule := "cannot be deleted safely in API " + api.String()
	if last := steps[len(steps)-1]; last.at != nil && last.at.rule != nil && last.at.rule.isMatchedWhole != nil {
		return InvalidArgument("path "+e.path, rule+": older servers cut the "+last.at.rule.argument+" short and act on another resource; see rest.WithUnknownPath")
	}
	if len(steps) > 2 { // two elements name an app, a certificate or the caller's account
		parent := strings.Join(strings.Split(e.path, "/")[:3], "/")
		rule += ": servers before Workflow v2.7 would destroy " + parent + " instead; see rest.WithUnknownPath"
	}
	return InvalidArgument("path "+e.path, rule)
}

// escape escapes one element. It leaves * as it is, as in the recorded requests for wildcard names.
func escape(elem string) string {
	return strings.ReplaceAll(url.PathEscape(elem), "%2A", "*")
}

// A place is an element of the known paths, in a tree.
type place struct {
	rule    *rule             // if the element is an identifier
	next    map[string]*place // the elements that can follow; "*" is an identifier
	deletes version.API       // the first version in which a DELETE of a path that ends here is safe; zero: none
	serial  bool              // writes to this path and to those below it take turns, for each identifier
	noTurn  bool              // except writes to this path
}

// child returns the place of an element: the one with its name or, without one, that of an identifier. An action, which
// is always the last element of a path, counts as an identifier if more follows: a process type can be called restart.
func (p *place) child(elem string, last bool) *place {
	if next := p.literal(elem); next != nil && elem != "*" && (last || next.next != nil) {
		return next
	}
	return p.literal("*")
}

func (p *place) literal(elem string) *place {
	if p == nil {
		return nil
	}
	return p.next[elem]
}

// A rule says what an identifier may look like.
type rule struct {
	argument string // the identifier's name in errors
	name     string // the identifier's name in templates
	says     string // the rule in words
	allows   func(string) bool
	before   *rule // an additional rule for the element before

	// isMatchedWhole reports whether servers of a version match the identifier whole, or may cut it; nil: always.
	isMatchedWhole func(string, version.API) bool
}

func (r *rule) check(elem string) error {
	switch {
	case elem == "":
		return InvalidArgument(r.argument, "must not be empty")
	case elem == "." || elem == "..":
		return InvalidArgument(r.argument, "must not be . or ..")
	case !r.allows(elem):
		return InvalidArgument(fmt.Sprintf("%s %.100q", r.argument, elem), r.says)
	}
	return nil
}

// The rules. Each is the servers' own pattern (recorded requests of all versions), ASCII only: what else a server
// accepts depends on its version of Python.
var (
	appRule = rule{argument: "app", name: "app",
		says: "may contain only a-z, 0-9 and -", allows: chars("-", isLowerOrDigit)}
	usernameRule = rule{argument: "username", name: "username",
		says: "may contain only letters, digits and . @ + - _ in a path", allows: chars(".@+-_", isAlphanumeric),
		// Most servers take jo.hn for jo.
		isMatchedWhole: func(s string, _ version.API) bool { return chars("-_", isAlphanumeric)(s) }}
	domainRule = rule{argument: "domain", name: "domain",
		says: `may contain only ASCII letters, digits, - _ and . after an optional "*." (write an international name as "xn--…")`, allows: isDomain,
		isMatchedWhole: func(s string, api version.API) bool { return api.Major > 1 || !strings.HasPrefix(s, "*") }}
	certRule = rule{argument: "certificate name", name: "name",
		says: "may contain only letters, digits, - _ . and *", allows: chars("-_.*", isAlphanumeric)}
	typeRule = rule{argument: "process type", name: "type",
		says: "may contain only letters, digits, - _ and .", allows: chars("-_.", isAlphanumeric)}
	podTypeRule = rule{argument: "process type", name: "type",
		says: "may contain only letters, digits, - and _ before a pod's name or number", allows: chars("-_", isAlphanumeric)}
	podRule = rule{argument: "pod name", name: "pod",
		says: "may contain only letters, digits, - and _", allows: chars("-_", isAlphanumeric), before: &podTypeRule}
	releaseRule = rule{argument: "release", name: "release",
		says: "must be v and a number from 1, like v2", allows: isRelease}
	buildRule = rule{argument: "build", name: "uuid",
		says: "may contain only letters, digits and -", allows: chars("-", isAlphanumeric)}
	keyRule = rule{argument: "key id", name: "id",
		says: "must be text without control characters, spaces at its ends, or empty, . or .. segments", allows: isKeyID}
	plainRule = rule{argument: "path element", name: "id",
		says:   "must be text without slashes or control characters",
		allows: func(s string) bool { return isPlain(s) && !strings.Contains(s, "/") }}
)

// known lists the paths with identifiers, actions, or elements that are safe to delete. An entry describes only the
// last element of its pattern.
var known = []struct {
	pattern string
	rule    *rule       // if the pattern ends in *
	deletes version.API // the first version in which a DELETE is safe; zero: none
}{
	{"apps/*", &appRule, version.V1_6},
	{"apps/*/builds/*", &buildRule, version.API{}},
	{"apps/*/containers/*", &typeRule, version.API{}},
	{"apps/*/containers/*/*", &podRule, version.API{}},
	{"apps/*/containers/*/*/restart", nil, version.API{}},
	{"apps/*/containers/*/restart", nil, version.API{}},
	{"apps/*/containers/restart", nil, version.API{}},
	{"apps/*/domains/*", &domainRule, version.V1_6},
	{"apps/*/perms/*", &usernameRule, version.V1_6},
	{"apps/*/pods/*", &typeRule, version.API{}},
	{"apps/*/pods/*/*", &podRule, version.API{}},
	{"apps/*/pods/*/*/restart", nil, version.API{}},
	{"apps/*/pods/*/restart", nil, version.API{}},
	{"apps/*/pods/restart", nil, version.API{}},
	{"apps/*/releases/*", &releaseRule, version.API{}},
	{"apps/*/releases/rollback", nil, version.API{}},
	{"apps/*/run", nil, version.API{}},
	{"apps/*/whitelist", nil, version.V2_3},
	{"admin/perms/*", &usernameRule, version.V1_6},
	{"auth/cancel", nil, version.V1_6},
	{"auth/login", nil, version.API{}},
	{"auth/passwd", nil, version.API{}},
	{"auth/register", nil, version.API{}},
	{"auth/tokens", nil, version.API{}},
	{"auth/whoami", nil, version.API{}},
	{"certs/*", &certRule, version.V1_6},
	{"certs/*/domain/*", &domainRule, version.V2},
	{"keys/*", &keyRule, version.V1_6},
	{"users", nil, version.API{}},
}

// root is the root of the known paths.
var root = func() (root place) {
	for _, k := range known {
		at := &root
		for elem := range strings.SplitSeq(k.pattern, "/") {
			if at.next == nil {
				at.next = make(map[string]*place)
			}
			if at.next[elem] == nil {
				at.next[elem] = new(place)
			}
			at = at.next[elem]
		}
		at.rule, at.deletes = k.rule, k.deletes
	}
	// On real Controllers, concurrent config changes to one app lose values. A one-off command changes nothing, and can
	// take twenty minutes.
	app := root.next["apps"].next["*"]
	app.serial, app.next["run"].noTurn = true, true
	return root
}()

// chars returns a function that reports whether a text has only the given characters and those that more allows.
func chars(some string, more func(rune) bool) func(string) bool {
	return func(s string) bool {
		for _, r := range s {
			if !more(r) && !strings.ContainsRune(some, r) { // invalid UTF-8 reads as U+FFFD, which is neither
				return false
			}
		}
		return true
	}
}

func isLowerOrDigit(r rune) bool { return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' }
func isAlphanumeric(r rune) bool { return isLowerOrDigit(r) || 'A' <= r && r <= 'Z' }

func isDomain(s string) bool {
	s = strings.TrimPrefix(s, "*.")
	return s != "" && chars("-._", isAlphanumeric)(s)
}

// isRelease accepts v1, v2 and so on.
func isRelease(s string) bool {
	digits, found := strings.CutPrefix(s, "v")
	return found && digits != "" && digits[0] != '0' && strings.Trim(digits, "0123456789") == ""
}

// isKeyID accepts slashes, but refuses segments between them that a router in front of the Controller could resolve:
// nginx can be configured to decode %2F, and turns /keys/../apps/x into /apps/x. 2.x Controllers trim leading and
// trailing spaces.
func isKeyID(s string) bool {
	if !isPlain(s) || strings.TrimSpace(s) != s {
		return false
	}
	for segment := range strings.SplitSeq(s, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return false
		}
	}
	return true
}

func isPlain(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}
