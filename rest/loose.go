package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
)

// unchecked names the fields that real Controllers store as any client sent them: one odd app or build, made by
// another program, must not make the whole list unreadable.
var unchecked = []string{"structure", "procfile"}

// decodeLoosely decodes JSON into out. Where something else stands in the place of a map, it tries again without the
// unchecked fields that are no objects of texts or of numbers; they stay empty.
func decodeLoosely(data []byte, out any) error {
	if own, ok := out.(json.Unmarshaler); ok && json.Valid(data) {
		return own.UnmarshalJSON(data) // which json.Unmarshal would do, too, after reading everything once more
	}
	err := json.Unmarshal(data, out)
	if err == nil {
		return nil
	}
	var mismatch *json.UnmarshalTypeError
	if !errors.As(err, &mismatch) || mismatch.Type.Kind() != reflect.Map {
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
			if slices.Contains(unchecked, key) && !flat(v) {
				delete(value, key)
				dropped = true
				continue
			}
			dropped = dropOdd(v) || dropped
		}
	}
	return dropped
}

// flat tells whether a value is an object of texts, or of numbers.
func flat(value any) bool {
	object, ok := value.(map[string]any)
	texts, numbers := 0, 0
	for _, v := range object {
		switch v.(type) {
		case string:
			texts++
		case json.Number:
			numbers++
		}
	}
	return ok && (texts == len(object) || numbers == len(object))
}
