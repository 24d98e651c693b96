package deploy

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/deisgo/deis/config"
	"github.com/deisgo/deis/settings"
)

// parts are a config, settings or changes to them, as in JSON: for each part, "values" or "memory", its entries by name.
// Switches, such as "maintenance", are entries of the part "".
type parts map[string]map[string]any

// partsOf takes a config, settings or changes apart.
func partsOf(v any) parts {
	data, _ := json.Marshal(v) //nolint:errcheck // they consist of strings, numbers and booleans
	var raw map[string]any
	_ = json.Unmarshal(data, &raw) //nolint:errcheck // it was just written
	p := make(parts)
	for part, entries := range raw {
		switch entries := entries.(type) {
		case bool:
			p.put("", part, entries)
		case map[string]any:
			for name, value := range entries {
				if part == "registry" { // Controllers store its names in lower case
					name = strings.ToLower(name)
				}
				p.put(part, name, value)
			}
		}
	}
	return p
}

// changesOf puts parts together to changes of a config or of settings.
func changesOf[T config.Changes | settings.Changes](p parts) (changes T) {
	raw := maps.Clone(p[""])
	if raw == nil {
		raw = make(map[string]any)
	}
	for part, entries := range p {
		if part != "" {
			raw[part] = entries
		}
	}
	data, _ := json.Marshal(raw)       //nolint:errcheck // it consists of strings, numbers and booleans
	_ = json.Unmarshal(data, &changes) //nolint:errcheck // it was just written
	return changes
}

// names lists the entries, sorted: "GREETING", "memory.web", "maintenance".
func (p parts) names() (list []string) {
	for part, entries := range p {
		for name := range entries {
			list = append(list, strings.TrimPrefix(strings.TrimPrefix(part, "values")+"."+name, "."))
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

// differing returns the entries of want that p does not have with the same value. The value nil means that there should be
// none.
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

// isSet reports whether a value is as wanted. Of a value with parts, such as a health check, only those in want count.
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

// former returns the values in p of the entries that others has, nil for entries that p lacks.
func (p parts) former(others parts) parts {
	back := make(parts)
	for part, entries := range others {
		for name := range entries {
			back.put(part, name, p[part][name])
		}
	}
	return back
}

// restoring returns the changes that turn p into former, except for the entries that except has.
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
