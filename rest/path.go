package rest

import (
	"fmt"
	"iter"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/deisgo/deis/version"
)

// An Endpoint is a path below the API's version prefix, or the reason why there can be none. Make one with Path.
type Endpoint struct {
	path  string // escaped, with slashes on both ends unless NoSlash took the last
	place *place // where the path ends in the table of known paths; nil: it is not in there
	err   error
}

// Path joins the elements of a path and closes it with a slash, as most of the API's paths are: Path("apps", id,
// "config") is /apps/{id}/config/. It checks every identifier against the whole of the pattern that real Controllers
// have for it, because servers before Workflow v2.7 cut off what goes beyond the pattern and carry out the request on
// what is left: a DELETE of /apps/hz_other destroys the app hz. An element of a path that the SDK does not know must be
// one plain segment.
//
// A bad element does not show here: the call that uses the Endpoint returns the error, which matches
// ErrInvalidArgument, and sends nothing.
func Path(elems ...string) Endpoint {
	e := Endpoint{place: &root}
	var b strings.Builder
	b.Grow(64) // most are shorter
	b.WriteByte('/')
	for i, elem := range elems {
		r := &plainRule
		if e.place = e.place.child(elem); e.place != nil && e.place.rule != nil {
			r = e.place.rule
		}
		err := r.check(elem)
		if err == nil && r.before != nil {
			err = r.before.check(elems[i-1])
		}
		if err != nil {
			return Endpoint{err: err}
		}
		b.WriteString(escape(elem))
		b.WriteByte('/')
	}
	e.path = b.String()
	return e
}

// Check returns what is wrong with an identifier that stands in a body, or nil. The pattern is that of the path in which
// the identifier would stand last: Check("apps/*/domains/*", "www.example.com"). It panics if the SDK has no rule for
// the pattern.
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

// NoSlash takes the slash off the end, for the paths that are documented without one.
func (e Endpoint) NoSlash() Endpoint {
	e.path = strings.TrimSuffix(e.path, "/")
	return e
}

// Err returns what is wrong with the path, or nil. Calls do so by themselves.
func (e Endpoint) Err() error { return e.err }

// elems ranges over the elements of the path.
func (e Endpoint) elems() iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		i := 0
		for elem := range strings.SplitSeq(strings.Trim(e.path, "/"), "/") {
			if plain, err := url.PathUnescape(elem); err == nil { // as Path has escaped it
				elem = plain
			}
			if !yield(i, elem) {
				return
			}
			i++
		}
	}
}

// after returns the identifier that stands behind a collection, or "".
func (e Endpoint) after(collection string) string {
	found := false
	for i, elem := range e.elems() {
		if found {
			return elem
		}
		found = i%2 == 0 && elem == collection
	}
	return ""
}

// template is the path with names in place of the identifiers: /apps/{app}/config/.
func (e Endpoint) template() string {
	var b strings.Builder
	at := &root
	for i, elem := range e.elems() {
		at = at.child(elem)
		switch {
		case at != nil && at.rule != nil:
			elem = "{" + at.rule.name + "}"
		case at == nil && i%2 == 1: // an unknown resource: collection, identifier, collection, …
			elem = "{id}"
		}
		b.WriteString("/" + elem)
	}
	if strings.HasSuffix(e.path, "/") {
		b.WriteByte('/')
	}
	return b.String()
}

// turn names what the writes to the endpoint take turns for, "app example-go", or is empty.
func (e Endpoint) turn() string {
	if e.place != nil && e.place.alone {
		return ""
	}
	at := &root
	for _, elem := range e.elems() {
		if at = at.child(elem); at != nil && at.serial {
			return at.rule.argument + " " + elem
		}
	}
	return ""
}

// checkDelete refuses to delete where a real Controller could destroy something else. Below a known resource it allows
// only what the table says is safe: servers before Workflow v2.7 answer the DELETE of any other path by destroying the
// parent.
func (e Endpoint) checkDelete(api version.API) error {
	var first, last string
	for i, elem := range e.elems() {
		if last = elem; i == 0 {
			first = elem
		}
	}
	if root.child(first) == nil {
		return nil // a resource that no Controller takes for another
	}
	if p := e.place; p != nil && p.deletes != (version.API{}) && api.AtLeast(p.deletes) && (p.rule == nil || p.rule.whole == nil || p.rule.whole(last, api)) {
		return nil
	}
	return InvalidArgument("path "+e.path, "cannot be deleted safely in API "+api.String()+
		": older servers answer a DELETE that they do not know by destroying the parent; see rest.WithUnknownPath")
}

// escape escapes one element. A * stays as it is, as in the recorded requests for wildcard names.
func escape(elem string) string {
	return strings.ReplaceAll(url.PathEscape(elem), "%2A", "*")
}

// A place is one step of the known paths: what may follow, and the rule for what stands here if it is an identifier.
type place struct {
	rule    *rule
	next    map[string]*place // "*" is the identifier
	deletes version.API       // since which version a DELETE of a path that ends here is safe; zero: never
	serial  bool              // writes to paths below take turns, for each identifier
	alone   bool              // but not those to this one
}

// child is where an element leads: to the place of that name, or else to that of an identifier.
func (p *place) child(elem string) *place {
	if next := p.literal(elem); next != nil && elem != "*" {
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

// A rule says what an identifier may look like. All are ASCII only: what else a server accepts depends on its Python.
type rule struct {
	argument string // how errors call it
	name     string // how templates call it
	says     string
	allows   func(string) bool
	before   *rule                          // what the element before must obey as well
	whole    func(string, version.API) bool // whether a server matches it whole, or may cut it; nil: always
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

// The rules. Each is the servers' own pattern (recorded requests of all versions), ASCII only.
var (
	appRule = rule{argument: "app", name: "app",
		says: "may contain only a-z, 0-9 and -", allows: chars("-", isLowerOrDigit)}
	usernameRule = rule{argument: "username", name: "username",
		says: "may contain only letters, digits and . @ + - _ where it stands in a path", allows: chars(".@+-_", isAlphanumeric),
		// For jo.hn, most servers look for jo.
		whole: func(s string, _ version.API) bool { return chars("-_", isAlphanumeric)(s) }}
	domainRule = rule{argument: "domain", name: "domain",
		says: `may contain only ASCII letters, digits, - _ and ., after a leading "*." if any (write an international name as "xn--…")`, allows: isDomain,
		whole: func(s string, api version.API) bool { return api.Major > 1 || !strings.HasPrefix(s, "*") }}
	certRule = rule{argument: "certificate name", name: "name",
		says: "may contain only letters, digits, - _ . and *", allows: chars("-_.*", isAlphanumeric)}
	typeRule = rule{argument: "process type", name: "type",
		says: "may contain only letters, digits, - _ and .", allows: chars("-_.", isAlphanumeric)}
	podTypeRule = rule{argument: "process type", name: "type",
		says: "may contain only letters, digits, - and _ beside a pod's name or number", allows: chars("-_", isAlphanumeric)}
	podRule = rule{argument: "pod name", name: "pod",
		says: "may contain only letters, digits, - and _", allows: chars("-_", isAlphanumeric), before: &podTypeRule}
	releaseRule = rule{argument: "release", name: "release",
		says: "must be v and a number from 1 on", allows: isRelease}
	buildRule = rule{argument: "build", name: "uuid",
		says: "must be a UUID", allows: chars("-", isAlphanumeric)}
	keyRule = rule{argument: "key id", name: "id",
		says: "must be text without control characters or outer spaces, and not . or .. or empty between slashes", allows: isKeyID}
	plainRule = rule{argument: "path element", name: "id",
		says:   "must be text without slashes and control characters",
		allows: func(s string) bool { return isPlain(s) && !strings.Contains(s, "/") }}
)

// known lists the paths that the SDK knows, with what it must know of each. The elements before the last of a pattern
// stand in entries of their own, or need nothing.
var known = []struct {
	pattern string
	rule    *rule       // of the * that the pattern ends in
	deletes version.API // since when a DELETE is safe
}{
	{"apps", nil, version.API{}},
	{"apps/*", &appRule, version.V1_6},
	{"apps/*/builds", nil, version.API{}},
	{"apps/*/builds/*", &buildRule, version.API{}},
	{"apps/*/config", nil, version.API{}},
	{"apps/*/containers/*", &typeRule, version.API{}},
	{"apps/*/containers/*/*", &podRule, version.API{}},
	{"apps/*/containers/*/*/restart", nil, version.API{}},
	{"apps/*/containers/*/restart", nil, version.API{}},
	{"apps/*/containers/restart", nil, version.API{}},
	{"apps/*/domains/*", &domainRule, version.V1_6},
	{"apps/*/logs", nil, version.API{}},
	{"apps/*/perms/*", &usernameRule, version.V1_6},
	{"apps/*/pods/*", &typeRule, version.API{}},
	{"apps/*/pods/*/*", &podRule, version.API{}},
	{"apps/*/pods/*/*/restart", nil, version.API{}},
	{"apps/*/pods/*/restart", nil, version.API{}},
	{"apps/*/pods/restart", nil, version.API{}},
	{"apps/*/releases/*", &releaseRule, version.API{}},
	{"apps/*/releases/rollback", nil, version.API{}},
	{"apps/*/run", nil, version.API{}},
	{"apps/*/scale", nil, version.API{}},
	{"apps/*/services", nil, version.V2_3},
	{"apps/*/settings", nil, version.API{}},
	{"apps/*/tls", nil, version.API{}},
	{"apps/*/whitelist", nil, version.V2_3},
	{"admin/perms/*", &usernameRule, version.V1_6},
	{"auth/cancel", nil, version.V1_6},
	{"certs/*", &certRule, version.V1_6},
	{"certs/*/domain/*", &domainRule, version.V2},
	{"keys/*", &keyRule, version.V1_6},
	{"users", nil, version.API{}},
}

// root is where all paths begin.
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
	// Two config changes to one app at the same time lose values on real Controllers. A one-off command changes nothing,
	// and may take twenty minutes.
	app := root.next["apps"].next["*"]
	app.serial, app.next["run"].alone = true, true
	return root
}()

// chars allows texts that consist of the given characters and of those that more allows.
func chars(some string, more func(rune) bool) func(string) bool {
	return func(s string) bool {
		for _, r := range s {
			if !more(r) && !strings.ContainsRune(some, r) { // what is not UTF-8 reads as U+FFFD, which is neither
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

// isKeyID accepts slashes, which key ids can have, but nothing between them that a router on the way could take for a way
// up: nginx can be told to decode %2F, and makes /keys/../apps/x a /apps/x. Outer spaces are cut off by 2.x Controllers.
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
