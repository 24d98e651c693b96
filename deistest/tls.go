package deistest

import (
	"net/http"
	"time"
)

// An appTLS is whether an app enforces https. It is immutable: a change makes another one.
type appTLS struct {
	uuid     string
	owner    *user // who made it
	created  time.Time
	enforced *bool // nil means false
}

type tlsJSON struct {
	UUID          string `json:"uuid"`
	App           string `json:"app"`
	Owner         string `json:"owner"`
	Created       string `json:"created"`
	Updated       string `json:"updated"`
	HTTPSEnforced *bool  `json:"https_enforced"`
}

func (q *request) tlsJSON(t *appTLS) tlsJSON {
	at := q.stamp(t.created)
	return tlsJSON{t.uuid, q.app.id, t.owner.username, at, at, t.enforced}
}

func (a *app) currentTLS() *appTLS {
	if a.tls == nil {
		a.tls = &appTLS{uuid: newUUID(), owner: a.owner, created: a.created}
	}
	return a.tls
}

func getTLS(q *request) *response { return ok(q.tlsJSON(q.app.currentTLS())) }

// setTLS refuses true or false if that is stored already. Null is stored any number of times.
func setTLS(q *request) *response {
	data, stop := q.jsonObject()
	if stop != nil {
		return stop
	}
	s := q.serializer(data)
	next := &appTLS{uuid: newUUID(), owner: q.user, created: now(), enforced: s.boolean("https_enforced")}
	if stop := s.refusal(); stop != nil {
		return stop
	}
	if old := q.app.currentTLS().enforced; old != nil && next.enforced != nil && *old == *next.enforced {
		return detail(http.StatusConflict, "%s changed nothing", q.user.username)
	}
	if stop := q.serviceRefusal(); stop != nil {
		return stop
	}
	q.app.tls = next
	return created(q.tlsJSON(next))
}
