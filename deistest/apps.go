package deistest

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// An app is everything that lives below its path.
type app struct {
	uuid, id         string
	owner            *user
	collaborators    map[*user]bool
	structure        map[string]int // how many pods of each type
	created, updated time.Time
	row              int // its position in the database

	builds   []*build   // oldest first, like all lists here
	releases []*release // never empty
	config   *config    // the newest, which no release may have
	pods     []*pod
	logs     []string

	settings *appSettings // nil until it is first read or changed, as is tls
	tls      *appTLS
	services []*service
	load     map[string]int // how many pods of a process type its autoscaler wants

	rawStructure      any            // the structure that was sent, if it is not an object of numbers; shown until there is another
	incomplete        bool           // lacks what completeApp makes
	deploying         int            // how many deploys are under way
	procfileStructure map[string]any // the last deployed Procfile, API 2.3
}

type appJSON struct {
	UUID      string `json:"uuid"`
	ID        string `json:"id"`
	Owner     string `json:"owner"`
	URL       string `json:"url,omitempty"` // API 1.6 only
	Structure any    `json:"structure"`
	Created   string `json:"created"`
	Updated   string `json:"updated"`
}

// appJSON23 is an app in late servers.
type appJSON23 struct {
	appJSON
	ProcfileStructure map[string]any `json:"procfile_structure"`
}

func (c *Controller) appJSON(a *app) any {
	j := appJSON{
		UUID: a.uuid, ID: a.id, Owner: a.owner.username, Structure: a.shownStructure(),
		Created: c.stamp(a.created), Updated: c.stamp(a.updated),
	}
	if !c.v2() {
		j.URL = a.url()
	}
	if c.late23() {
		return appJSON23{j, orEmpty(a.procfileStructure)}
	}
	return j
}

// url returns the address of the app in API 1.6.
func (a *app) url() string { return a.id + ".deisapp.local" }

// usableBy reports whether a user may use the app: its owner, its collaborators and all administrators may.
func (a *app) usableBy(u *user) bool { return u.admin || a.owner == u || a.collaborators[u] }

// hasReleaseBy reports whether a user made a release of the app.
func (a *app) hasReleaseBy(u *user) bool {
	return slices.ContainsFunc(a.releases, func(r *release) bool { return r.owner == u })
}

// withApp calls do for an app, with the lock held. It is for calls that are not part of a request.
func (c *Controller) withApp(id string, do func(*app) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a := c.appNamed(id); a != nil {
		return do(a)
	}
	return fmt.Errorf("deistest: there is no app %s", id)
}

// appNamed returns the app with an id, or nil.
func (c *Controller) appNamed(id string) *app {
	if i, found := c.placeOf(id); found {
		return c.apps[i]
	}
	return nil
}

// placeOf returns the index of an app in the list, or the one where it would be inserted.
func (c *Controller) placeOf(id string) (int, bool) {
	return slices.BinarySearchFunc(c.apps, id, func(a *app, id string) int { return cmp.Compare(a.id, id) })
}

// listApps lists the apps that the user may use, by id. API 1.6 lists them in the order of the database, which moves an
// app to the end when it changes.
func listApps(q *request) *response {
	var visible []*app
	for _, a := range q.apps {
		if a.usableBy(q.user) {
			visible = append(visible, a)
		}
	}
	if !q.v2() {
		slices.SortFunc(visible, func(a, b *app) int { return cmp.Compare(a.row, b.row) })
	}
	return page(q, visible, q.appJSON)
}

// createApp creates an app with its first configuration and release. In API 2.x the id is also its first domain.
func createApp(q *request) *response {
	data, stop := q.object()
	if stop != nil {
		return stop
	}
	id, stop := q.newAppID(data)
	if stop != nil {
		return stop
	}
	structure, raw, stop := q.structure(data)
	if stop != nil {
		return stop
	}
	a := q.addApp(id, structure)
	a.rawStructure = raw
	a.procfileStructure, _ = data["procfile_structure"].(map[string]any)
	if stop := q.completeApp(a); stop != nil {
		return stop // the app is stored anyway, but incomplete
	}
	resp := created(q.appJSON(a))
	if !q.v2() {
		// Real Controllers resolve the app's host name as if it were a path.
		location := q.absolute().ResolveReference(&url.URL{Path: a.url()})
		resp.withHeaders(map[string]string{"Location": location.String()})
	}
	return resp
}

// newAppID checks the id of a new app, or makes one up.
func (q *request) newAppID(data map[string]any) (string, *response) {
	s := q.serializer(data)
	id := s.text("id", appIDField)
	switch stop := s.refusal(); {
	case stop != nil:
		return "", stop
	case id == "":
		return q.unusedAppName(), nil
	case strings.HasSuffix(id, "\n"):
		return "", q.crash() // API 1.6 cannot make a host name of it
	case q.v2() && isNamespace(id):
		return "", detail(http.StatusConflict, "%s already exists as a namespace in this kuberenetes setup", id)
	}
	return id, nil
}

func (q *request) unusedAppName() string {
	name := newAppName()
	for {
		if q.appNamed(name) == nil {
			return name
		}
		name = newAppName() + "-" + podSuffix() // there are only 400 short names
	}
}

// addApp stores a new app that the user owns, with its first configuration and release.
func (q *request) addApp(id string, structure map[string]int) *app {
	a := &app{
		uuid: newUUID(), id: id, owner: q.user, collaborators: map[*user]bool{}, structure: structure,
		created: now(),
	}
	q.touch(a)
	a.config = &config{uuid: newUUID(), owner: q.user, created: now(), fields: map[string]map[string]any{}}
	i, _ := q.placeOf(id)
	q.apps = slices.Insert(q.apps, i, a)
	q.app = a
	if q.v2() {
		q.log("INFO", "config %s-%s updated", id, a.config.uuid[:7])
	}
	q.addRelease(nil, a.config, "")
	a.incomplete = q.v2()
	return a
}

// completeApp makes what an app of API 2.x has besides its row in the database: a namespace, settings, and its id as
// a domain. If Kubernetes refuses, the app stays incomplete: it can be neither created again nor built nor deleted.
func (q *request) completeApp(a *app) *response {
	if !a.incomplete {
		return nil
	}
	if stop := q.kubernetesRefuses("Could not create the Namespace in Kubernetes"); stop != nil {
		return stop
	}
	if !isNameInCluster(a.id) {
		return detail(http.StatusServiceUnavailable, "Kubernetes resources could not be created")
	}
	a.incomplete = false
	q.log("INFO", "application settings %s-%s updated", a.id, newUUID()[:7])
	if q.domains[a.id] == nil { // no domain is added if another app has one of that name
		q.addDomain(a.id)
	}
	return nil
}

// noSettings is the error of a build of an incomplete app.
const noSettings = "AppSettings matching query does not exist."

func getApp(q *request) *response { return ok(q.appJSON(q.app)) }

// updateApp gives an app another owner; nothing else can be updated. Collaborators may send the request as well if it
// names no owner. In any case it completes an incomplete app. API 2.x only.
func updateApp(q *request) *response {
	data, stop := q.object()
	if stop != nil {
		return stop
	}
	if name := data["owner"]; truthy(name) {
		if !q.isOwner() {
			return q.forbidden()
		}
		u := q.userNamed(q.pythonString(name))
		if u == nil {
			return q.notFound("User")
		}
		q.handOver(u)
	}
	q.touch(q.app)
	if stop := q.completeApp(q.app); stop != nil {
		return stop
	}
	return empty(http.StatusOK)
}

// touch records that an app changed.
func (c *Controller) touch(a *app) { a.updated, a.row = now(), c.nextRow() }

func deleteApp(q *request) *response {
	const problem = "Could not delete the Namespace in Kubernetes"
	if stop := q.kubernetesRefuses(problem); stop != nil {
		return stop
	}
	if q.app.incomplete {
		return detail(http.StatusServiceUnavailable, problem)
	}
	q.removeApp(q.app)
	return empty(http.StatusNoContent)
}

func (c *Controller) removeApp(a *app) {
	for name, d := range c.domains {
		if d.app == a {
			delete(c.domains, name)
		}
	}
	if i, found := c.placeOf(a.id); found {
		c.apps = slices.Delete(c.apps, i, i+1)
	}
}

// shownStructure returns the structure as responses show it.
func (a *app) shownStructure() any {
	if a.rawStructure != nil && len(a.structure) == 0 {
		return a.rawStructure
	}
	return a.structure
}
