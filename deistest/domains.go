package deistest

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
)

// A domain is a host name that routes to an app.
type domain struct {
	name    string
	app     *app
	owner   *user
	cert    *cert // nil if none is attached
	created time.Time
	row     int // its place in the database
}

type domainJSON struct {
	Owner   string `json:"owner"`
	Created string `json:"created"`
	Updated string `json:"updated"`
	App     string `json:"app"`
	Domain  string `json:"domain"`
}

func (q *request) domainJSON(d *domain) domainJSON {
	return domainJSON{
		Owner: d.owner.username, Created: q.stamp(d.created), Updated: q.stamp(d.created), App: d.app.id, Domain: d.name,
	}
}

// domainsOf are the domains that a filter picks, by name. API 1.6 has no order but that of the database.
func (c *Controller) domainsOf(picked func(*domain) bool) []*domain {
	var list []*domain
	for _, d := range c.domains {
		if picked(d) {
			list = append(list, d)
		}
	}
	slices.SortFunc(list, func(a, b *domain) int {
		if c.v2() {
			return cmp.Compare(a.name, b.name)
		}
		return cmp.Compare(a.row, b.row)
	})
	return list
}

func (q *request) addDomain(name string) *domain {
	d := &domain{name: name, app: q.app, owner: q.user, created: now(), row: q.nextRow()}
	q.domains[name] = d
	q.log("INFO", "domain %s added", name)
	return d
}

func listDomains(q *request) *response {
	return page(q, q.domainsOf(func(d *domain) bool { return d.app == q.app }), q.domainJSON)
}

func createDomain(q *request) *response {
	data, stop := q.jsonObject()
	if stop != nil {
		return stop
	}
	s := q.serializer(data)
	name := s.required("domain", 1<<20)
	if stop := s.refusal(); stop != nil {
		return stop
	}
	name, problem := q.checkDomain(strings.TrimSuffix(name, "."))
	switch {
	case problem != "":
	case q.domains[name] != nil && q.v2():
		problem = "Domain is already in use by another application" // this one included
	case q.domains[name] != nil:
		problem = "This field must be unique."
	}
	if problem != "" {
		return invalid("domain", problem)
	}
	return created(q.domainJSON(q.addDomain(name)))
}

// checkDomain returns the name as it is stored, in ASCII, or what is wrong with it.
func (q *request) checkDomain(name string) (ascii, problem string) {
	const invalid = "Hostname does not look valid."
	longest := 255
	if q.v2() {
		longest = 253
	}
	labels := strings.Split(name, ".")
	switch {
	case len(name) > longest:
		return "", fmt.Sprintf("Hostname must be %d characters or less.", longest)
	case name == "*":
		return "", "Hostname can't only be a wildcard"
	case strings.Contains(name, "xip.io") && !q.v2():
		return name, "" // anything goes
	case labels[0] == "*" && !q.v2():
		return "", "Adding a wildcard subdomain is currently not supported."
	}
	for i, label := range labels {
		if i == 0 && label == "*" {
			continue
		}
		if strings.ContainsFunc(label, func(r rune) bool { return r > unicode.MaxASCII }) && q.v2() {
			labels[i] = "xn--" + punycode(strings.ToLower(label))
			continue
		}
		if strings.ContainsFunc(label, func(r rune) bool { return r != '_' && !inLabel(r) }) && q.v2() {
			// The text is about the quotation mark that Python puts in front of the label.
			return "", fmt.Sprintf("Hostname does not look valid, could not convert to ACE %s: "+
				`Codepoint U+0027 at position 2 of "b'%s'" not allowed`, name, label)
		}
		isNumber := strings.Trim(label, "0123456789") == ""
		if len(label) > 63 || strings.ContainsFunc(label, func(r rune) bool { return !inLabel(r) }) || isNumber ||
			strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") || strings.Contains(label, "--") ||
			len(labels) == 1 && strings.ContainsAny(label, "0123456789") {
			return "", invalid
		}
	}
	return strings.Join(labels, "."), ""
}

func inLabel(r rune) bool {
	return r == '-' || r <= unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// deleteDomain removes a domain, which may be named in its international form too.
func deleteDomain(q *request) *response {
	name := q.vars["domain"]
	if ascii, problem := q.checkDomain(name); problem == "" {
		name = ascii
	}
	d := q.domains[name]
	if d == nil || d.app != q.app {
		if q.v2() {
			return q.notFound()
		}
		return q.crash()
	}
	delete(q.domains, name)
	q.log("INFO", "domain %s removed", name)
	return empty(http.StatusNoContent)
}

// punycode is the ASCII form of an international label, without its prefix (RFC 3492).
func punycode(label string) string {
	const base, tMin, tMax, skew, damp = 36, 1, 26, 38, 700
	runes := []rune(label)
	var out []byte
	for _, r := range runes {
		if r < 0x80 {
			out = append(out, byte(r))
		}
	}
	basic := len(out)
	if basic > 0 {
		out = append(out, '-')
	}
	n, delta, bias := rune(0x80), 0, 72
	for done := basic; done < len(runes); {
		next := rune(unicode.MaxRune)
		for _, r := range runes {
			if r >= n {
				next = min(next, r)
			}
		}
		delta += int(next-n) * (done + 1)
		n = next
		for _, r := range runes {
			if r < n {
				delta++
			}
			if r != n {
				continue
			}
			rest := delta
			for k := base; ; k += base {
				t := min(max(k-bias, tMin), tMax)
				if rest < t {
					out = append(out, punycodeDigit(rest))
					break
				}
				out = append(out, punycodeDigit(t+(rest-t)%(base-t)))
				rest = (rest - t) / (base - t)
			}
			if done == basic {
				delta /= damp
			} else {
				delta /= 2
			}
			done++
			delta += delta / done
			bias = 0
			for ; delta > (base-tMin)*tMax/2; bias += base {
				delta /= base - tMin
			}
			bias += (base - tMin + 1) * delta / (delta + skew)
			delta = 0
		}
		delta++
		n++
	}
	return string(out)
}

func punycodeDigit(n int) byte { return "abcdefghijklmnopqrstuvwxyz0123456789"[n] }
