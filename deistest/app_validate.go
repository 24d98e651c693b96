package deistest

import (
	"encoding/json"
	"regexp"
	"slices"
)

// The messages about slugs differ in their quotation marks only.
const (
	slug1 = "Enter a valid 'slug' consisting of letters, numbers, underscores or hyphens."
	slug2 = `Enter a valid "slug" consisting of letters, numbers, underscores or hyphens.`
)

// The id of a new app. If it is missing, or null in API 2.x, the Controller makes one up.
var appIDField = byVersion[textField]{
	v1_6: textField{optional: true, maxLength: 64,
		rules: []rule{
			matching(`^[a-z0-9-]+$`, "App IDs can only contain [a-z0-9-]."),
			reserved("deis"),
		},
		taken:     &uniqueness{appIDTaken, mustBeUnique},
		lastRules: []rule{matching(`^[-a-zA-Z0-9_]+$`, slug1)}},
	v2_2: textField{optional: true, null: true, maxLength: 24, notText: slug2,
		rules: []rule{
			matching(`^[a-z0-9-]+$`, "App name can only contain a-z (lowercase), 0-9 and hyphens"),
			reserved("deis-builder", "deis-workflow-manager", "grafana"), // those of the recorded server
		},
		taken:     &uniqueness{appIDTaken, "Application with this id already exists."},
		lastRules: []rule{matching(`^[-a-zA-Z0-9_]+$`, slug2)}},
	v2_3: textField{optional: true, null: true, maxLength: 63, notText: slug2,
		rules: []rule{
			matching(`^[a-z]([a-z0-9-]*[a-z0-9])?$`, "App name must start with an alphabetic character, "+
				"cannot end with a hyphen and can only contain a-z (lowercase), 0-9 and hyphens."),
			reserved("deis-builder", "deis-workflow-manager", "grafana"),
		},
		taken:     &uniqueness{appIDTaken, "Application with this id already exists."},
		lastRules: []rule{matching(`^[-a-zA-Z0-9_]+$`, slug2)}},
}

// reserved is the rule that a text is none of these names.
func reserved(names ...string) rule {
	return func(text string) string {
		if slices.Contains(names, text) {
			return text + " is a reserved name."
		}
		return ""
	}
}

// structure reads the structure of a new app. Real Controllers store it unchecked: what is not an object of numbers is
// returned as raw.
func (q *request) structure(data map[string]any) (counts map[string]int, raw any, stop *response) {
	s := q.serializer(data)
	counts = map[string]int{}
	if !s.has("structure") {
		return counts, nil, s.refusal()
	}
	value := data["structure"]
	if source, isText := value.(string); isText {
		var ok bool
		if value, ok = parseJSON([]byte(source)); !ok {
			return nil, nil, q.crash()
		}
	}
	object, isObject := value.(map[string]any)
	for procType, n := range object {
		number, isNumber := n.(json.Number)
		if !isNumber {
			return map[string]int{}, value, nil
		}
		counts[procType], _ = q.pythonInt(number)
	}
	if !isObject {
		raw = value
	}
	return counts, raw, nil
}

func appIDTaken(c *Controller, id string) bool { return c.appNamed(id) != nil }

// namespaces are those of a cluster without apps.
var namespaces = []string{"deis", "default", "kube-system", "-"}

func isNamespace(id string) bool { return slices.Contains(namespaces, id) }

// isNameInCluster reports whether Kubernetes accepts a name.
func isNameInCluster(name string) bool { return nameInCluster.MatchString(name) }

var nameInCluster = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)
