package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// decodeStrict fills the struct that into points at from a JSON object and returns every problem, by its path, at any
// depth: keys that do not exist, values of the wrong type, and keys that are missing and not marked omitempty.
// (encoding/json alone stops at the first mistake and has no notion of a missing key.)
func decodeStrict(path string, raw []byte, into any) []error {
	var given map[string]json.RawMessage
	if err := json.Unmarshal(raw, &given); err != nil {
		return []error{fmt.Errorf("%s: must be an object, is %s", path, raw)}
	}
	value := reflect.ValueOf(into).Elem()
	var problems []error
	var known []string
	for i := range value.NumField() {
		name, options, _ := strings.Cut(value.Type().Field(i).Tag.Get("json"), ",")
		known = append(known, name)
		item, present := given[name]
		if !present {
			if options != "omitempty" {
				problems = append(problems, fmt.Errorf("%s.%s: is not set", path, name))
			}
			continue
		}
		problems = append(problems, decodeValue(path+"."+name, item, value.Field(i))...)
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(known, name) {
			problems = append(problems, unknownKey(path+"."+name, known))
		}
	}
	return problems
}

func decodeValue(path string, raw json.RawMessage, field reflect.Value) []error {
	wrong := []error{fmt.Errorf("%s: must be %s, is %s", path, typeName(field.Type()), raw)}
	if string(raw) == "null" { // null would leave the zero value without an error
		return wrong
	}
	switch field.Kind() {
	case reflect.Struct:
		return decodeStrict(path, raw, field.Addr().Interface())
	case reflect.Pointer:
		field.Set(reflect.New(field.Type().Elem()))
		return decodeValue(path, raw, field.Elem())
	case reflect.Map:
		var given map[string]json.RawMessage
		if json.Unmarshal(raw, &given) != nil {
			return wrong
		}
		return decodeMap(path, given, field)
	case reflect.Slice:
		var given []json.RawMessage
		if json.Unmarshal(raw, &given) != nil {
			return wrong
		}
		field.Set(reflect.MakeSlice(field.Type(), len(given), len(given)))
		var problems []error
		for i, item := range given {
			problems = append(problems, decodeValue(fmt.Sprintf("%s[%d]", path, i), item, field.Index(i))...)
		}
		return problems
	default:
		if json.Unmarshal(raw, field.Addr().Interface()) != nil {
			return wrong
		}
		return nil
	}
}

func decodeMap(path string, given map[string]json.RawMessage, field reflect.Value) (problems []error) {
	field.Set(reflect.MakeMap(field.Type()))
	for _, name := range slices.Sorted(maps.Keys(given)) {
		value := reflect.New(field.Type().Elem()).Elem() // a map's values can't be set in place
		problems = append(problems, decodeValue(path+"."+name, given[name], value)...)
		field.SetMapIndex(reflect.ValueOf(name), value)
	}
	return problems
}

func typeName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Int:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list of " + strings.TrimPrefix(strings.TrimPrefix(typeName(t.Elem()), "a "), "an ") + "s"
	case reflect.Map, reflect.Struct:
		return "an object"
	case reflect.Pointer:
		return typeName(t.Elem())
	default:
		return "a string"
	}
}

func unknownKey(path string, known []string) error {
	if now := movedTo(path); now != "" {
		return fmt.Errorf("%s: has moved to %s, as all that says how long something is kept (docs/retention.md)", path, now)
	}
	return fmt.Errorf("%s: no such key; there are %s", path, strings.Join(known, ", "))
}

// accountIDs reads aws:allowedAccountIds. `pulumi config set --path` stores an id as a number, so both are taken.
func accountIDs(ctx *pulumi.Context) ([]string, error) {
	raw, set := ctx.GetConfig("aws:allowedAccountIds")
	if !set || raw == "" {
		return nil, nil
	}
	decoder := json.NewDecoder(strings.NewReader(raw))
	decoder.UseNumber() // an id has twelve digits and may start with a zero
	var list []any
	if err := decoder.Decode(&list); err != nil {
		return nil, fmt.Errorf("aws:allowedAccountIds: must be a list, is %s", raw)
	}
	var ids []string
	for _, item := range list {
		id := fmt.Sprint(item)
		if len(id) != 12 || strings.Trim(id, "0123456789") != "" {
			return nil, fmt.Errorf("aws:allowedAccountIds: %s is not an account id of twelve digits", id)
		}
		ids = append(ids, id)
	}
	return ids, nil
}
