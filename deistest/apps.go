package deistest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"time"
)

// An app is everything that lives below its path.
type app struct {
	uuid, id         string
	owner            *user
	collaborators    map[*user]bool
	structure        map[string]int // how many pods of each type
	created, updated time.Time
	row              int // its place in the database

	builds   []*build   // oldest first, as all lists here
	releases []*release // never empty
	config   *config    // the last one that was made, which may be that of no release
	pods     []*pod
	logs     []string
}

type appJSON struct {
	UUID      string         `json:"uuid"`
	ID        string         `json:"id"`
	Owner     string         `json:"owner"`
	URL       string         `json:"url,omitempty"` // API 1.6 only
	Structure map[string]int `json:"structure"`
	Created   string         `json:"created"`
	Updated   string         `json:"updated"`
}

func (c *Controller) appJSON(a *app) appJSON {
	j := appJSON{
		UUID: a.uuid, ID: a.id, Owner: a.owner.username, Structure: a.structure,
		Created: c.stamp(a.created), Updated: c.stamp(a.updated),
	}
	if !c.v2() {
		j.URL = a.url()
	}
	return j
}

// url is the address of the app in API 1.6.
func (a *app) url() string { return a.id + ".deisapp.local" }

// mayBeUsedBy tells whether a user sees the app: its owner, collaborators and all administrators do.
func (a *app) mayBeUsedBy(u *user) bool { return u.admin || a.owner == u || a.collaborators[u] }

// hasReleaseBy tells whether a user made a release of the app.
func (a *app) hasReleaseBy(u *user) bool {
	return slices.ContainsFunc(a.releases, func(r *release) bool { return r.owner == u })
}

// withApp does something to an app from outside of a request.
func (c *Controller) withApp(id string, do func(*app) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a := c.appNamed(id); a != nil {
		return do(a)
	}
	return fmt.Errorf("deistest: there is no app %s", id)
}

// appNamed finds an app by its id, nil if there is none.
func (c *Controller) appNamed(id string) *app {
	if i, found := c.placeOf(id); found {
		return c.apps[i]
	}
	return nil
}

// placeOf returns the place of an app in the list, or the one where it would be.
func (c *Controller) placeOf(id string) (int, bool) {
	return slices.BinarySearchFunc(c.apps, id, func(a *app, id string) int { return cmp.Compare(a.id, id) })
}

// listApps shows the apps that the user may use, by id. API 1.6 has no order: they come as the database has them,
// which moves an app to the end when it changes.
func listApps(q *request) *response {
	var visible []*app
	for _, a := range q.apps {
		if a.mayBeUsedBy(q.user) {
			visible = append(visible, a)
		}
	}
	if !q.v2() {
		slices.SortFunc(visible, func(a, b *app) int { return cmp.Compare(a.row, b.row) })
	}
	return page(q, visible, q.appJSON)
}

// createApp makes an app with its first configuration and release. In API 2.2 the id is its first domain too.
func createApp(q *request) *response {
	data, stop := q.object()
	if stop != nil {
		return stop
	}
	id, stop := q.newAppID(data)
	if stop != nil {
		return stop
	}
	structure, isObject := data["structure"].(map[string]any)
	if data["structure"] != nil && !isObject {
		return q.crash()
	}
	a := q.addApp(id, q.counts(structure))
	resp := created(q.appJSON(a))
	if !q.v2() {
		// Real Controllers resolve the app's host name as if it were a path.
		location := q.absolute().ResolveReference(&url.URL{Path: a.url()})
		resp.withHeaders(map[string]string{"Location": location.String()})
	}
	return resp
}

// newAppID checks the id of an app to be, or makes one up.
func (q *request) newAppID(data map[string]any) (string, *response) {
	value, given := data["id"]
	if !given || value == nil && q.v2() {
		return q.unusedAppName(), nil
	}
	s := q.serializer(data)
	id := q.pythonString(value)
	if value == nil {
		s.fail("id", "This field may not be null.")
	} else if id == "" {
		s.fail("id", "This field may not be blank.")
	} else {
		q.checkAppID(s, id)
	}
	if stop := s.refusal(); stop != nil {
		return "", stop
	}
	if q.v2() && slices.Contains([]string{"deis", "default", "kube-system"}, id) {
		return "", detail(http.StatusConflict, "%s already exists as a namespace in this kuberenetes setup", id)
	}
	return id, nil
}

var (
	validAppID = regexp.MustCompile(`^[a-z0-9-]+$`)
	validSlug  = regexp.MustCompile(`^[-a-zA-Z0-9_]+$`)
)

func (q *request) checkAppID(s *serializer, id string) {
	only, slug := "App IDs can only contain [a-z0-9-].",
		"Enter a valid 'slug' consisting of letters, numbers, underscores or hyphens."
	taken, longest, reserved := "This field must be unique.", 64, []string{"deis"}
	if q.v2() {
		only = "App name can only contain a-z (lowercase), 0-9 and hyphens"
		slug = `Enter a valid "slug" consisting of letters, numbers, underscores or hyphens.`
		taken, longest = "Application with this id already exists.", 24
		reserved = []string{"deis-builder", "deis-workflow-manager", "grafana"}
	}
	if !validAppID.MatchString(id) {
		s.fail("id", only)
	}
	if slices.Contains(reserved, id) {
		s.fail("id", id+" is a reserved name.")
	}
	if !validSlug.MatchString(id) {
		s.fail("id", slug)
	}
	if len(id) > longest {
		s.required("id", longest)
	}
	if q.appNamed(id) != nil {
		s.fail("id", taken)
	}
}

func (q *request) unusedAppName() string {
	name := newAppName()
	for {
		if q.appNamed(name) == nil {
			return name
		}
		name = newAppName() + "-" + podSuffix() // there are only 400 of the short ones
	}
}

// addApp stores a new app of the user.
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
	q.release(nil, a.config, "")
	if q.v2() {
		q.log("INFO", "application settings %s-%s updated", id, newUUID()[:7])
		if q.domains[id] == nil { // an app may be named like another one's domain, and then has none
			q.addDomain(id)
		}
	}
	return a
}

func getApp(q *request) *response { return ok(q.appJSON(q.app)) }

// updateApp hands an app over to another user, which is all there is to update. It answers nothing. API 2.2 only.
func updateApp(q *request) *response {
	data, stop := q.object()
	if stop != nil {
		return stop
	}
	if name, given := data["owner"]; given {
		u := q.userNamed(q.pythonString(name))
		if u == nil {
			return q.notFound()
		}
		q.app.owner = u
		q.touch(q.app)
	}
	return empty(http.StatusOK)
}

// touch notes that an app changes.
func (c *Controller) touch(a *app) { a.updated, a.row = now(), c.nextRow() }

func deleteApp(q *request) *response {
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

// counts reads the numbers of a structure.
func (c *Controller) counts(object map[string]any) map[string]int {
	counts := map[string]int{}
	for procType, n := range object {
		if n, ok := n.(json.Number); ok {
			counts[procType], _ = c.pythonInt(n)
		}
	}
	return counts
}
