// Package typegen makes Go types of JSON Schemas: one of each file, named after its event type, and one of each object
// in it. What a keyword means for validity is not its business; what it can't read as a type stays JSON text.
package typegen

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/format"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Generate returns the Go file of the schemas at the top of dir, for a package of this name. module is that of the
// types for dates and decimals; within package schemas they have no qualifier.
func Generate(dir fs.FS, pkg, module string) ([]byte, error) {
	names, err := fs.Glob(dir, "*.json")
	if err != nil || len(names) == 0 {
		return nil, errors.Join(errors.New("find schemas: there is no .json file"), err)
	}
	g := generator{made: map[string]string{}, imports: map[string]bool{}}
	if pkg != "schemas" {
		g.values, g.valuesPath = "schemas.", module+"/schemas"
	}
	for _, name := range names {
		source, err := fs.ReadFile(dir, name)
		if err != nil {
			return nil, fmt.Errorf("read schema: %w", err)
		}
		var s schema
		if err := json.Unmarshal(source, &s); err != nil {
			return nil, fmt.Errorf("read schema %s: %w", name, err)
		}
		eventType := strings.TrimSuffix(path.Base(name), ".json")
		f := file{generator: &g, name: Name(eventType), defs: s.Defs, about: "the data of " + eventType}
		if err := f.declare(f.name, &s); err != nil {
			return nil, fmt.Errorf("make types of %s: %w", name, err)
		}
	}
	return g.source(pkg)
}

// schema is the keywords that decide what the Go type is.
type schema struct {
	Type                 typeNames          `json:"type"`
	Format               string             `json:"format"`
	Description          string             `json:"description"`
	Enum                 []any              `json:"enum"`
	Properties           map[string]*schema `json:"properties"`
	Required             []string           `json:"required"`
	AdditionalProperties json.RawMessage    `json:"additionalProperties"`
	Items                json.RawMessage    `json:"items"`
	Ref                  string             `json:"$ref"`
	Defs                 map[string]*schema `json:"$defs"`
}

// UnmarshalJSON takes true and false, which are schemas, too.
func (s *schema) UnmarshalJSON(text []byte) error {
	if string(text) == "true" || string(text) == "false" {
		return nil
	}
	type plain schema
	return json.Unmarshal(text, (*plain)(s))
}

// typeNames is one name or several.
type typeNames []string

func (n *typeNames) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*n = typeNames{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(n))
}

// generator is what the types of all files share.
type generator struct {
	values     string // qualifier of Date and Decimal
	valuesPath string
	made       map[string]string // declarations by type name
	imports    map[string]bool
}

// file is one schema file, with the names that "$ref" knows in it.
type file struct {
	*generator
	name  string
	about string
	defs  map[string]*schema
}

// declare makes the named type, once.
func (f *file) declare(name string, s *schema) error {
	if _, made := f.made[name]; made {
		return fmt.Errorf("two types would be named %s", name)
	}
	f.made[name] = "" // a type may refer to itself
	about := fmt.Sprintf("// %s is %s.", name, f.about)
	if s.Description != "" {
		about += " " + strings.Join(strings.Fields(s.Description), " ")
	}
	shape := f.typeOf
	if len(s.Properties) > 0 {
		shape = f.fields
	}
	text, err := shape(name, s)
	if err != nil {
		return err
	}
	f.made[name] = wrap(about) + fmt.Sprintf("type %s %s\n", name, text)
	return nil
}

func (f *file) fields(name string, s *schema) (string, error) {
	var b strings.Builder
	b.WriteString("struct {\n")
	seen := map[string]string{}
	for _, member := range slices.Sorted(maps.Keys(s.Properties)) {
		p, field := s.Properties[member], Name(member)
		if other, twice := seen[field]; twice {
			return "", fmt.Errorf("members %q and %q would both be the field %s of %s", other, member, field, name)
		}
		if strings.ContainsAny(member, "`\"\\,'") || field == "" {
			return "", fmt.Errorf("member %q of %s can't be a field", member, name)
		}
		seen[field] = member
		required := slices.Contains(s.Required, member)
		text, err := f.member(name+field, p, required)
		if err != nil {
			return "", err
		}
		tag := member
		if !required {
			tag += ",omitzero"
		}
		b.WriteString(comment(p))
		fmt.Fprintf(&b, "%s %s `json:\"%s\"`\n", field, text, tag)
	}
	return b.String() + "}", nil
}

// member is the type of a member or an element. One that may be null, or an object that may be missing, is a pointer.
func (f *file) member(name string, s *schema, required bool) (string, error) {
	nullable, isObject := slices.Contains(s.Type, "null"), len(s.Properties) > 0
	var text string
	var err error
	switch def, isLocal := strings.CutPrefix(s.Ref, "#/$defs/"); {
	case s.Ref == "#":
		text, isObject = f.name, true
	case isLocal && f.defs[def] != nil:
		text, isObject = f.name+Name(def), len(f.defs[def].Properties) > 0
		if _, made := f.made[text]; !made {
			part := *f
			part.about = "part of " + f.name
			err = part.declare(text, f.defs[def])
		}
	case s.Ref != "":
		return "", fmt.Errorf("$ref %q is neither # nor one of #/$defs/", s.Ref)
	case isObject:
		text = name
		part := *f
		part.about = "part of " + f.name
		err = part.declare(name, s)
	default:
		text, err = f.typeOf(name, s)
	}
	isReference := strings.HasPrefix(text, "[]") || strings.HasPrefix(text, "map[") || strings.HasPrefix(text, "jsontext.")
	if !isReference && (nullable || isObject && !required) {
		text = "*" + text
	}
	return text, err
}

func (f *file) typeOf(name string, s *schema) (string, error) {
	kinds := slices.DeleteFunc(slices.Clone(s.Type), func(k string) bool { return k == "null" })
	if len(kinds) != 1 {
		return f.use("jsontext.Value", "github.com/go-json-experiment/json/jsontext"), nil
	}
	switch kinds[0] {
	case "string":
		switch s.Format {
		case "date-time":
			return f.use("time.Time", "time"), nil
		case "date":
			return f.use(f.values+"Date", f.valuesPath), nil
		}
		return "string", nil
	case "boolean":
		return "bool", nil
	case "integer":
		return "int64", nil
	case "number":
		return f.use(f.values+"Decimal", f.valuesPath), nil
	case "array":
		return f.list("[]", name+"Item", s.Items)
	case "object":
		return f.list("map[string]", name+"Value", s.AdditionalProperties)
	}
	return "", fmt.Errorf("type %q is none of JSON Schema's", kinds[0])
}

// list is a type of many values, which have a schema of their own or are any JSON.
func (f *file) list(of, name string, inner json.RawMessage) (string, error) {
	var s schema
	if inner != nil {
		if err := json.Unmarshal(inner, &s); err != nil {
			return "", fmt.Errorf("read schema within %s: %w", name, err)
		}
	}
	text, err := f.member(name, &s, true)
	return of + text, err
}

func (g *generator) use(text, importPath string) string {
	if importPath != "" {
		g.imports[importPath] = true
	}
	return text
}

func (g *generator) source(pkg string) ([]byte, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "// Code generated from JSON Schemas; DO NOT EDIT.\n\npackage %s\n\nimport (\n", pkg)
	standard, others := "", "\n"
	for _, path := range slices.Sorted(maps.Keys(g.imports)) {
		if strings.ContainsAny(path, "./") {
			others += strconv.Quote(path) + "\n"
		} else {
			standard += strconv.Quote(path) + "\n"
		}
	}
	b.WriteString(strings.TrimSpace(standard+others) + "\n)\n")
	for _, name := range slices.Sorted(maps.Keys(g.made)) {
		b.WriteString("\n" + g.made[name])
	}
	source, err := format.Source([]byte(strings.Replace(b.String(), "import (\n\n)\n", "", 1)))
	if err != nil {
		return nil, fmt.Errorf("format the types: %w", err)
	}
	return source, nil
}

func comment(s *schema) string {
	text := strings.Join(strings.Fields(s.Description), " ")
	if len(s.Enum) > 0 {
		values := make([]string, len(s.Enum))
		for i, v := range s.Enum {
			values[i] = fmt.Sprint(v)
		}
		text = strings.TrimSpace(text + " One of " + strings.Join(values, ", "))
	}
	if text == "" {
		return ""
	}
	return wrap("// " + text)
}

// wrap breaks a comment into lines of at most 110 bytes.
func wrap(text string) string {
	var b strings.Builder
	line := "//"
	for _, word := range strings.Fields(text)[1:] {
		if len(line)+1+len(word) > 110 {
			b.WriteString(line + "\n")
			line = "//"
		}
		line += " " + word
	}
	return b.String() + line + "\n"
}

// initialisms are written as Go writes them.
var initialisms = []string{"API", "HTTP", "HTTPS", "ID", "IP", "JSON", "SKU", "UID", "URI", "URL", "UTC", "UUID"}

// Name is a Go name for an event type or a member: order.item_added is OrderItemAdded, order_id is OrderID.
func Name(s string) string {
	var b strings.Builder
	words := strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for i, w := range words {
		if slices.Contains(initialisms, strings.ToUpper(w)) {
			w = strings.ToUpper(w)
		}
		if i == 0 && unicode.IsDigit(rune(w[0])) {
			w = "N" + w
		}
		b.WriteString(strings.ToUpper(w[:1]) + w[1:])
	}
	return b.String()
}
