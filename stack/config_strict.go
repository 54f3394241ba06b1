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

// decodeStrict fills the struct that into points at from a JSON object and returns every problem, by its path:
// keys that do not exist, values of the wrong type, and keys that are missing and not marked omitempty.
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
	if field.Kind() == reflect.Pointer && field.Type().Elem().Kind() == reflect.Struct {
		field.Set(reflect.New(field.Type().Elem()))
		return decodeStrict(path, raw, field.Interface())
	}
	// JSON null would leave the zero value without an error.
	if err := json.Unmarshal(raw, field.Addr().Interface()); err != nil || string(raw) == "null" {
		return []error{fmt.Errorf("%s: must be %s, is %s", path, typeName(field.Type()), raw)}
	}
	return nil
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
		return "a list of strings"
	case reflect.Pointer:
		return typeName(t.Elem())
	default:
		return "a string"
	}
}

func unknownKey(path string, known []string) error {
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
