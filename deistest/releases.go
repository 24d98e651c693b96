package deistest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A release is a build with a configuration, or a configuration alone before the first build.
type release struct {
	uuid, summary string
	version       int
	owner         *user
	build         *build // nil if none
	config        *config
	created       time.Time

	failed    time.Time // when its deploy failed; zero if it did not. Only late servers keep a failed release.
	exception string    // why it failed
}

// releaseJSON23 is a release in late servers.
type releaseJSON23 struct {
	releaseJSON
	Failed    bool    `json:"failed"`
	Exception *string `json:"exception"`
}

type releaseJSON struct {
	UUID    string  `json:"uuid"`
	App     string  `json:"app"`
	Owner   string  `json:"owner"`
	Created string  `json:"created"`
	Updated string  `json:"updated"`
	Version int     `json:"version"`
	Summary string  `json:"summary"`
	Config  string  `json:"config"`
	Build   *string `json:"build"`
}

func (q *request) releaseJSON(r *release) any {
	j := releaseJSON{
		UUID: r.uuid, App: q.app.id, Owner: r.owner.username, Created: q.stamp(r.created), Updated: q.stamp(r.created),
		Version: r.version, Summary: r.summary, Config: r.config.uuid,
	}
	if r.build != nil {
		j.Build = &r.build.uuid
	}
	if !q.late23() {
		return j
	}
	late := releaseJSON23{releaseJSON: j, Failed: r.hasFailed()}
	if late.Failed {
		late.Updated = q.stamp(r.failed)
		late.Exception = &r.exception
	}
	return late
}

func (r *release) hasFailed() bool { return !r.failed.IsZero() }

// fail marks a release as failed. It stays, and its number is used up.
func (r *release) fail(what, problem string) {
	r.failed, r.summary, r.exception = now(), r.owner.username+" "+what, "error: "+problem
}

// latest returns the newest release that is not marked as failed.
func (a *app) latest() *release {
	for _, r := range slices.Backward(a.releases) {
		if !r.hasFailed() {
			return r
		}
	}
	return nil // never reached: the first release cannot fail
}

// releaseNumbered returns the release with a number, or nil.
func (a *app) releaseNumbered(version int) *release {
	i := slices.IndexFunc(a.releases, func(r *release) bool { return r.version == version })
	if i < 0 {
		return nil
	}
	return a.releases[i]
}

// addRelease makes the next release. An empty summary is replaced by what changed.
func (q *request) addRelease(b *build, cf *config, summary string) *release {
	r := &release{
		uuid: newUUID(), summary: summary, version: 1, owner: q.user, build: b, config: cf, created: now(),
	}
	var before *release
	if len(q.app.releases) > 0 {
		before = q.app.latest()
		r.version = q.app.releases[len(q.app.releases)-1].version + 1
	}
	if r.summary == "" {
		r.summary = r.whatChanged(before)
	}
	q.app.releases = append(q.app.releases, r)
	q.log("INFO", "%s", r.summary)
	if b == nil && before != nil && !q.v2() {
		q.log("INFO", "No build associated with this release to publish")
	}
	return r
}

// whatChanged returns the summary of a release. As in real Controllers, there is no "and" between some of its parts.
func (r *release) whatChanged(before *release) string {
	who := r.owner.username
	if before == nil {
		return who + " created initial release"
	}
	var summary string
	if r.build != nil && r.build != before.build {
		what := r.build.image
		if r.build.sha != "" {
			what = r.build.sha[:min(7, len(r.build.sha))]
		}
		summary = r.build.owner.username + " deployed " + what
	}
	who = r.config.owner.username
	if changes := r.config.changes(before.config, "values", ""); changes != "" {
		summary = joinedByAnd(summary, who+" "+changes)
	}
	var limits []string
	for _, field := range []string{"memory", "cpu"} {
		if r.config.changes(before.config, field, "") != "" {
			limits = append(limits, field)
		}
	}
	if len(limits) > 0 {
		summary += who + " changed limits for " + strings.Join(limits, ", ")
	}
	for _, part := range []struct{ field, noun string }{
		{"tags", "tag "}, {"registry", "registry info "}, {"healthcheck", "healthcheck info for proc type "},
	} {
		if changes := r.config.changes(before.config, part.field, part.noun); changes != "" {
			summary = joinedByAnd(summary, who+" "+changes)
		}
	}
	if summary != "" && r.config.changes(before.config, "lifecycle_pre_stop", "") != "" {
		summary += " and " // real Controllers add nothing after it
	}
	if summary == "" {
		return r.owner.username + " changed nothing"
	}
	return summary
}

// noBuild is the refusal to run a release that consists of a configuration alone.
const noBuild = "No build associated with this release"

func joinedByAnd(a, b string) string {
	if a == "" {
		return b
	}
	return a + " and " + b
}

func listReleases(q *request) *response { return page(q, newestFirst(q.app.releases), q.releaseJSON) }

func getRelease(q *request) *response {
	version, _ := strconv.Atoi(q.vars["version"]) // no release has a number that is too large
	if r := q.app.releaseNumbered(version); r != nil {
		return ok(q.releaseJSON(r))
	}
	if q.v2() {
		return q.notFound("Release")
	}
	return q.crash()
}

// rollback makes a new release of an old one: the one that the body names, or the one before the latest.
func rollback(q *request) *response {
	data, stop := q.anyObject()
	if stop != nil {
		return stop
	}
	target, stop := q.rollbackTarget(data)
	if stop != nil {
		return stop
	}
	r := q.addRelease(target.build, target.config, target.rollbackSummary(q.user))
	if target.build == nil && q.late23() {
		r.fail(causeRollback.failureSummary(r), noBuild)
		return detail(http.StatusBadRequest, noBuild)
	}
	if target.build != nil {
		if stop := q.deploy(r, causeRollback); stop != nil && q.v2() {
			return stop
		} else if stop != nil {
			return q.crash()
		}
	}
	return created(map[string]int{"version": r.version})
}
