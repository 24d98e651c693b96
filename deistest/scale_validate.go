package deistest

import (
	"net/http"
	"slices"
	"strconv"
)

// negativeCount is the text about a number of pods below zero.
var negativeCount = byVersion[string]{
	v1_6: `[u'Must be greater than or equal to zero']`,
	v2_2: `Invalid scaling format: ['Must be greater than or equal to zero']`,
	v2_3: `Invalid scaling format: [ErrorDetail(string='Must be greater than or equal to zero', code='invalid')]`,
}

// scaleCounts reads and checks the requested number of pods of each type. API 2.x checks first whether there is a
// build, 1.6 after the numbers.
func (q *request) scaleCounts(data map[string]any) (map[string]int, *response) {
	b := q.app.latest().build
	noBuildYet := detail(http.StatusBadRequest, noBuild)
	if b == nil && q.v2() {
		return nil, noBuildYet
	}
	counts := map[string]int{}
	for _, procType := range sortedKeys(data) {
		n, problem := q.pythonInt(data[procType])
		if problem != "" {
			return nil, detail(http.StatusBadRequest, "Invalid scaling format: %s", problem)
		}
		counts[procType] = n
	}
	for _, n := range counts {
		if n < 0 {
			return nil, detail(http.StatusBadRequest, "%s", negativeCount.of(q.Controller))
		}
	}
	if b == nil {
		return nil, noBuildYet
	}
	for _, procType := range sortedKeys(counts) {
		if procType == "cmd" || slices.Contains(b.procTypes(), procType) {
			continue
		}
		status := http.StatusBadRequest
		if q.v2() {
			status = http.StatusNotFound
		}
		return nil, detail(status, "Container type %s does not exist in application", procType)
	}
	return counts, nil
}

// rollbackTarget returns the release to roll back to: the one before the latest if the body names none. In API 1.6, 0
// also means that one, and most versions that 2.x refuses are a crash.
func (q *request) rollbackTarget(data map[string]any) (*release, *response) {
	number := q.app.latest().version - 1
	if v := data["version"]; v != nil {
		n, problem := q.pythonInt(v)
		switch {
		case problem != "" && q.v2():
			return nil, detail(http.StatusBadRequest, "%s", problem)
		case problem != "":
			return nil, q.crash()
		case n != 0 || q.v2():
			number = n
		}
	}
	target := q.app.releaseNumbered(number)
	switch {
	case number < 1:
		return nil, detail(http.StatusBadRequest, "version cannot be below 0")
	case number == 1 && q.v2():
		return nil, detail(http.StatusBadRequest, "Cannot roll back to initial release.")
	case target == nil && q.v2():
		return nil, detail(http.StatusBadRequest, "Release matching query does not exist.")
	case target == nil:
		return nil, q.crash()
	case target.hasFailed():
		return nil, detail(http.StatusBadRequest, "Cannot roll back to failed release.")
	case target.build == nil && q.v2() && !q.late23():
		return nil, detail(http.StatusBadRequest, noBuild)
	}
	return target, nil
}

// rollbackSummary returns the summary of the release that a rollback to r makes.
func (r *release) rollbackSummary(by *user) string {
	return by.username + " rolled back to v" + strconv.Itoa(r.version)
}
