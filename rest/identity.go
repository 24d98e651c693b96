package rest

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
)

// An identity knows by which fields a response is what was asked for: those with a deis tag. See Post.
type identity []identifier

type identifier struct {
	field []int
	name  string // in JSON
	of    string // the path element that the identifier stands behind
	own   bool   // it names the resource itself, and not what the resource belongs to
}

var identities sync.Map // of reflect.Type

func identityOf(t reflect.Type) identity {
	if known, ok := identities.Load(t); ok {
		return known.(identity)
	}
	var id identity
	if t.Kind() == reflect.Struct {
		for _, field := range reflect.VisibleFields(t) {
			if tag, ok := field.Tag.Lookup("deis"); ok {
				name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
				of, role, _ := strings.Cut(tag, ",")
				id = append(id, identifier{field.Index, name, of, role == ""})
			}
		}
	}
	identities.Store(t, id)
	return id
}

// check reports what a response lacks. An item of a list needs its own identifier only.
func (id identity) check(v reflect.Value, at Endpoint, single bool) error {
	if id == nil {
		return nil
	}
	for _, i := range id {
		field := v.FieldByIndex(i.field)
		if field.IsZero() {
			if !single && !i.own {
				continue
			}
			return fmt.Errorf("the response is not what was asked for: it has no %s", i.name)
		}
		if asked := at.after(i.of); asked != "" && i.text(field) != asked {
			return errors.New("the response is about another resource: its " + i.name + " is " + fmt.Sprintf("%.100q", i.text(field)))
		}
	}
	return nil
}

// text is an identifier as it stands in a path.
func (i identifier) text(field reflect.Value) string {
	if field.CanInt() {
		return fmt.Sprintf("v%d", field.Int()) // the number of a release
	}
	return field.String()
}
