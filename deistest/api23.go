package deistest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// before is the release that ran when another one was made.
func (a *app) before(r *release) *release {
	for _, old := range slices.Backward(a.releases) {
		if old.version < r.version && !old.hasFailed() {
			return old
		}
	}
	return r // the first one
}

// redeployBefore starts the pods of the release before one that failed, as API 2.3 does.
func (q *request) redeployBefore(r *release) {
	if before := q.app.before(r); before.build != nil {
		q.replacePods(before)
	}
}

// changeStructure is what late servers do to an app's numbers before a release is deployed: what was built in another
// way than the release before starts with one process of its usual type.
func (q *request) changeStructure(r *release) {
	if !q.late23() {
		return
	}
	a, before := q.app, q.app.before(r)
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

// origin is what a build was made from.
func (b *build) origin() string {
	switch {
	case b.sha == "":
		return "image"
	case b.dockerfile != "":
		return "dockerfile"
	}
	return "buildpack"
}

// collision is what happens to the later one of two changes that want the same number for their release. In late
// servers it takes the earlier one with it, whose response was 201.
func (q *request) collision(before *release) *response {
	if !q.v23() {
		return q.crash()
	}
	problem := fmt.Sprintf("duplicate key value violates unique constraint \"api_release_app_id_version_e492eaee_uniq\"\n"+
		"DETAIL:  Key (app_id, version)=(%s, %d) already exists.\n", q.app.uuid, before.version+1)
	if winner := q.app.latest(); q.late23() {
		winner.fail(ofConfig.failed(winner), problem)
	}
	return detail(http.StatusBadRequest, "%s", problem)
}

// handOver makes a user the owner of an app. In late servers what the old owner made in the app is theirs, too.
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

// protected is the response to cancelling an account that made things which have to stay.
func (q *request) protected(u *user) *response {
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

// orEmpty is an object that is {} in JSON even if it is nil.
func orEmpty(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}
