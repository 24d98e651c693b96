package deistest

import (
	"cmp"
	"net/http"
	"slices"
	"time"
)

// A domain is a host name that routes to an app.
type domain struct {
	name    string
	app     *app
	owner   *user
	cert    *cert // nil if none is attached
	created time.Time
	row     int // its position in the database
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

// domainsWhere returns the domains for which keep is true, by name. API 1.6 has them in the order of the database.
func (c *Controller) domainsWhere(keep func(*domain) bool) []*domain {
	var list []*domain
	for _, d := range c.domains {
		if keep(d) {
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
	return page(q, q.domainsWhere(func(d *domain) bool { return d.app == q.app }), q.domainJSON)
}

func createDomain(q *request) *response {
	data, stop := q.jsonObject()
	if stop != nil {
		return stop
	}
	s := q.serializer(data)
	name := s.text("domain", domainField)
	if stop := s.refusal(); stop != nil {
		return stop
	}
	if stop := q.serviceRefusal(); stop != nil {
		return stop
	}
	return created(q.domainJSON(q.addDomain(name)))
}

// deleteDomain removes a domain. From API 2.0 on the path may name it in its international form, too.
func deleteDomain(q *request) *response {
	name := q.vars["domain"]
	if ascii, problem := toASCII(q, name); problem == "" && q.v2() {
		name = ascii
	}
	d := q.domains[name]
	if d == nil || d.app != q.app {
		if q.v2() {
			return q.notFound("Domain")
		}
		return q.crash()
	}
	delete(q.domains, name)
	q.log("INFO", "domain %s removed", name)
	return empty(http.StatusNoContent)
}
