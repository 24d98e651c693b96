package deploy

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/deisgo/deis/config"
)

// parts are a config or changes to one, as in JSON: for each part, "values" or "memory", what it has by name.
type parts map[string]map[string]any

// partsOf takes a config or changes apart.
func partsOf(v any) parts {
	data, _ := json.Marshal(v) //nolint:errcheck // they consist of texts and numbers
	var raw map[string]any
	_ = json.Unmarshal(data, &raw) //nolint:errcheck // it was just written
	p := make(parts)
	for part, entries := range raw {
		if entries, ok := entries.(map[string]any); ok {
			p[part] = make(map[string]any, len(entries))
			for name, value := range entries {
				if part == "registry" { // Controllers store its names so
					name = strings.ToLower(name)
				}
				p[part][name] = value
			}
		}
	}
	return p
}

// changes puts the parts together again.
func (p parts) changes() (c config.Changes) {
	data, _ := json.Marshal(p)   //nolint:errcheck // they consist of texts and numbers
	_ = json.Unmarshal(data, &c) //nolint:errcheck // it was just written
	return c
}

// names lists what there is, sorted: "GREETING", "memory.web".
func (p parts) names() (list []string) {
	for part, entries := range p {
		for name := range entries {
			list = append(list, strings.TrimPrefix(part+"."+name, "values."))
		}
	}
	slices.Sort(list)
	return list
}

func (p parts) put(part, name string, value any) {
	if p[part] == nil {
		p[part] = make(map[string]any)
	}
	p[part][name] = value
}

// differing returns what of want is not so in p, where nil is what is not to be there.
func (p parts) differing(want parts) parts {
	differ := make(parts)
	for part, entries := range want {
		for name, value := range entries {
			if !isSet(p[part][name], value) {
				differ.put(part, name, value)
			}
		}
	}
	return differ
}

// isSet reports whether a value is as wanted. Of a health check only the probes that are named count.
func isSet(now, want any) bool {
	check, ok := want.(map[string]any)
	if !ok {
		return now == want
	}
	has, _ := now.(map[string]any)
	for name, probe := range check {
		if !reflect.DeepEqual(has[name], probe) {
			return false
		}
	}
	return true
}

// former returns what sets back to p what others name.
func (p parts) former(others parts) parts {
	back := make(parts)
	for part, entries := range others {
		for name := range entries {
			back.put(part, name, p[part][name])
		}
	}
	return back
}

// restoring returns what turns p into former, but for what others name.
func (p parts) restoring(former, except parts) parts {
	want := former.former(p)
	for part, entries := range former {
		for name, value := range entries {
			want.put(part, name, value)
		}
	}
	for part, entries := range except {
		maps.DeleteFunc(want[part], func(name string, _ any) bool { return hasKey(entries, name) })
	}
	return p.differing(want)
}
