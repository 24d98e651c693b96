package deistest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// releaseBefore returns the release that ran when r was made; r itself if it is the first.
func (a *app) releaseBefore(r *release) *release {
	for _, old := range slices.Backward(a.releases) {
		if old.version < r.version && !old.hasFailed() {
			return old
		}
	}
	return r
}

// redeployPrevious starts the pods of the release before r, which failed, as API 2.3 does.
func (q *request) redeployPrevious(r *release) {
	if before := q.app.releaseBefore(r); before.build != nil {
		q.replacePods(before)
	}
}

// changeStructure changes an app's pod counts before a release is deployed, as late servers do: a build of another origin
// than the one before starts with one process of its usual type.
func (q *request) changeStructure(r *release) {
	if !q.late23() {
		return
	}
	a, before := q.app, q.app.releaseBefore(r)
	usual := q.defaultStructure(r.build)
	switch {
	case len(a.structure) == 0:
		a.procfileStructure = map[string]any{}
		for procType, n := range usual {
			a.procfileStructure[procType] = n
		}
	case before.build != nil && before.build.origin() != r.build.origin():
		for _, procType := range []string{"cmd", "web"} {
			if _, there := a.structure[procType]; there {
				a.structure[procType] = 0
			}
		}
		for procType, n := range usual {
			a.structure[procType] = n
		}
		q.touch(a)
	}
	if procfile, _ := r.build.procfile.(map[string]any); len(procfile) > 0 {
		a.procfileStructure = procfile
	}
}

// origin returns what a build was made from.
func (b *build) origin() string {
	switch {
	case b.sha == "":
		return "image"
	case b.dockerfile != "":
		return "dockerfile"
	}
	return "buildpack"
}

// collision returns the response to the later of two changes that want the same release number. In late servers it also
// fails the release of the earlier change, whose response was 201.
func (q *request) collision(before *release) *response {
	if !q.v23() {
		return q.crash()
	}
	problem := fmt.Sprintf("duplicate key value violates unique constraint \"api_release_app_id_version_e492eaee_uniq\"\n"+
		"DETAIL:  Key (app_id, version)=(%s, %d) already exists.\n", q.app.uuid, before.version+1)
	if winner := q.app.latest(); q.late23() {
		winner.fail(causeConfig.failureSummary(winner), problem)
	}
	return detail(http.StatusBadRequest, "%s", problem)
}

// handOver makes a user the owner of an app. In late servers they also become the owner of what the old one made in it.
func (q *request) handOver(to *user) {
	a, from := q.app, q.app.owner
	a.owner = to
	if !q.late23() {
		return
	}
	replace := func(owner **user) {
		if *owner == from {
			*owner = to
		}
	}
	for _, r := range a.releases {
		replace(&r.owner)
		replace(&r.config.owner)
	}
	for _, b := range a.builds {
		replace(&b.owner)
	}
	for _, d := range q.domains {
		if d.app == a {
			replace(&d.owner)
		}
	}
	replace(&a.currentSettings().owner)
	replace(&a.currentTLS().owner)
}

// cancelRefusal returns the response to cancelling an account that made releases, domains or certificates that have to
// stay.
func (q *request) cancelRefusal(u *user) *response {
	if !q.late23() {
		return q.crash()
	}
	model, kept := "Certificate", []string{}
	for _, ct := range q.certs {
		if ct.owner == u {
			kept = append(kept, "<Certificate: "+ct.name+">")
		}
	}
	var releases []string
	for _, a := range q.apps {
		for _, r := range newestFirst(a.releases) {
			if r.owner == u {
				releases = append(releases, fmt.Sprintf("<Release: %s-v%d>", a.id, r.version))
			}
		}
	}
	if len(releases) > 0 {
		model, kept = "Release", releases
	}
	return detail(http.StatusConflict, `("Cannot delete some instances of model 'User' because they are referenced `+
		`through a protected foreign key: '%s.owner'", <QuerySet [%s]>)`, model, strings.Join(kept, ", "))
}

// orEmpty returns an empty object instead of nil, so that it is {} in JSON.
func orEmpty(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}
