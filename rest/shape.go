package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
)

// A shape is what the deis tags on the fields of a type say about it. See Post.
type shape struct {
	identity []identifier
	loose    []looseField
}

// An identifier is a field that shows that a response is what was asked for.
type identifier struct {
	field []int
	name  string // in JSON
	of    string // the path element that the identifier follows
	own   bool   // it identifies the resource itself, not what the resource belongs to
}

// A looseField is a map that Controllers store unchecked, as a client sent it.
type looseField struct {
	field []int
	name  string // in JSON
}

var shapes sync.Map // of reflect.Type

func shapeOf(t reflect.Type) *shape {
	if known, ok := shapes.Load(t); ok {
		return known.(*shape)
	}
	s := new(shape)
	if t.Kind() == reflect.Struct {
		for _, field := range reflect.VisibleFields(t) {
			tag, ok := field.Tag.Lookup("deis")
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			switch of, role, _ := strings.Cut(tag, ","); {
			case !ok:
			case tag == "loose":
				s.loose = append(s.loose, looseField{field.Index, name})
			default:
				s.identity = append(s.identity, identifier{field.Index, name, of, role == ""})
			}
		}
	}
	shapes.Store(t, s)
	return s
}

// decode decodes JSON into out, a pointer to a value of the shape, whatever entries its loose fields have.
func (s *shape) decode(data []byte, out any) error {
	err := json.Unmarshal(data, out)
	if len(s.loose) == 0 || !isMismatch(err) {
		return err
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(data, &object) != nil {
		return err
	}
	v := reflect.ValueOf(out).Elem()
	for _, f := range s.loose {
		field := v.FieldByIndex(f.field)
		field.Set(readLoosely(object[f.name], field.Type()))
		delete(object, f.name)
	}
	strict, err := json.Marshal(object)
	if err != nil {
		return err
	}
	return json.Unmarshal(strict, out)
}

// isMismatch reports whether an error says that a value has another type than its field.
func isMismatch(err error) bool {
	if err == nil {
		return false
	}
	var mismatch *json.UnmarshalTypeError
	return errors.As(err, &mismatch)
}

// readLoosely reads a map. In a map of strings, it keeps values that are not strings as JSON; from any other map, it
// leaves out values of the wrong type. The map is nil if data is not an object, or has no value of the right type.
func readLoosely(data []byte, t reflect.Type) reflect.Value {
	read := reflect.Zero(t)
	var entries map[string]json.RawMessage
	if json.Unmarshal(data, &entries) != nil {
		return read
	}
	for key, entry := range entries {
		value := reflect.New(t.Elem())
		if json.Unmarshal(entry, value.Interface()) != nil {
			if t.Elem().Kind() != reflect.String {
				continue
			}
			value.Elem().SetString(string(entry))
		}
		if read.IsNil() {
			read = reflect.MakeMap(t)
		}
		read.SetMapIndex(reflect.ValueOf(key), value.Elem())
	}
	return read
}

// check checks the identifiers of a response. An item of a list needs only its own identifier.
func (s *shape) check(v reflect.Value, at Endpoint, single bool) error {
	for _, i := range s.identity {
		field := v.FieldByIndex(i.field)
		if field.IsZero() {
			if !single && !i.own {
				continue
			}
			return fmt.Errorf("the response is not what was asked for: it has no %s", i.name)
		}
		if field.CanInt() && field.Int() < 0 {
			return fmt.Errorf("the response is not what was asked for: its %s is %d", i.name, field.Int())
		}
		if asked := at.after(i.of); asked != "" && field.String() != asked {
			return fmt.Errorf("the response is about another resource: its %s is %.100q", i.name, field.String())
		}
	}
	return nil
}
