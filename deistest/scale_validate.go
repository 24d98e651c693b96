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

// scaleCounts checks how many pods of each type are asked for. API 2.x looks for a build first, 1.6 after the numbers.
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
		if procType == "cmd" || slices.Contains(b.types(), procType) {
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

// rollbackTarget checks the number of the release to go back to: the one before the latest if none is given. For API
// 1.6 that is what 0 means, too, and it crashes on what 2.x refuses.
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
	target := q.app.released(number)
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

// rolledBack is the summary of the release that a rollback makes.
func (r *release) rolledBack(by *user) string {
	return by.username + " rolled back to v" + strconv.Itoa(r.version)
}
