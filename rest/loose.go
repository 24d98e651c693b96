package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
)

// unchecked has the fields that real Controllers store as any client sent them, and what their values are meant to be:
// one odd app or build, made by another program, must not make the whole list unreadable.
var unchecked = map[string]func(any) bool{
	"structure": func(v any) bool { n, ok := v.(json.Number); _, err := n.Int64(); return ok && err == nil },
	"procfile":  func(v any) bool { _, ok := v.(string); return ok },
}

// decodeLoosely decodes JSON into out. Where a value is of another type than meant, it tries again without the
// unchecked fields that are not what they are meant to be; they stay empty.
func decodeLoosely(data []byte, out any) error {
	if own, ok := out.(json.Unmarshaler); ok && json.Valid(data) {
		return own.UnmarshalJSON(data) // which json.Unmarshal would do, too, after reading everything once more
	}
	err := json.Unmarshal(data, out)
	if err == nil {
		return nil
	}
	var mismatch *json.UnmarshalTypeError
	if !errors.As(err, &mismatch) {
		return err
	}
	var value any
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber() // or large numbers would change on the way
	if decoder.Decode(&value) != nil || !dropOdd(value) {
		return err
	}
	fitting, marshalErr := json.Marshal(value)
	if marshalErr != nil {
		return err
	}
	reflect.ValueOf(out).Elem().SetZero() // the first try has filled in what fitted
	return json.Unmarshal(fitting, out)
}

// dropOdd deletes the unchecked fields that do not fit, and tells whether there were any.
func dropOdd(value any) bool {
	dropped := false
	switch value := value.(type) {
	case []any:
		for _, v := range value {
			dropped = dropOdd(v) || dropped
		}
	case map[string]any:
		for key, v := range value {
			if meant := unchecked[key]; meant != nil && !objectOf(meant, v) {
				delete(value, key)
				dropped = true
				continue
			}
			dropped = dropOdd(v) || dropped
		}
	}
	return dropped
}

// objectOf tells whether a value is an object of nothing but such values.
func objectOf(meant func(any) bool, value any) bool {
	object, ok := value.(map[string]any)
	for _, v := range object {
		ok = ok && (v == nil || meant(v))
	}
	return ok
}
