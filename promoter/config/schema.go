package config

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
)

// Schema returns a JSON schema (draft 2020-12) of promoter.yaml, made from the
// same tags that the decoder reads. It is what an editor can know of one file:
// keys, kinds of values, words to choose from. What it cannot know (captures,
// the order of waves, what the repository holds) is left to check.
func Schema() []byte {
	root := object(reflect.TypeFor[Config]())
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = Name
	root["description"] = "How Promoter reads and changes a GitOps repository."
	out, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic("config: schema: " + err.Error()) // unreachable: maps of texts, lists and booleans
	}
	return append(out, '\n')
}

type schema = map[string]any

// object is the schema of a section: the keys of its fields and no others.
func object(t reflect.Type) schema {
	properties := schema{}
	var required []string
	for i := range t.NumField() {
		f := t.Field(i)
		key := f.Tag.Get("yaml")
		if key == "" || key == "-" {
			continue
		}
		s := value(f.Type, f.Tag)
		s["description"] = f.Tag.Get("doc")
		if def := f.Tag.Get("default"); def != "" {
			s["default"] = literal(f.Type, def)
		}
		properties[key] = s
		if f.Tag.Get("required") != "" {
			required = append(required, key)
		}
	}
	s := schema{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

// literal is a default as JSON writes it.
func literal(t reflect.Type, text string) any {
	switch {
	case t == durationType:
	case t.Kind() == reflect.Bool:
		return text == "true"
	case t.Kind() == reflect.Int:
		if n, err := strconv.Atoi(text); err == nil {
			return n
		}
	}
	return text
}

// durationPattern is what ParseDuration reads, but for units that nobody
// waits for.
const durationPattern = `^(0|([0-9]+(\.[0-9]+)?(ms|s|m|h))+|[0-9]+(\.[0-9]+)?[dw])$`

// value is the schema of a field of a section.
func value(t reflect.Type, tag reflect.StructTag) schema {
	if t == durationType {
		return schema{"type": []string{"string", "integer"}, "pattern": durationPattern, "minimum": 0, "maximum": 0, "examples": []string{"30m", "12h", "3d"}}
	}
	switch t.Kind() {
	case reflect.Struct:
		return object(t)
	case reflect.Map:
		s := schema{"type": "object", "additionalProperties": value(t.Elem(), "")}
		if keys := tag.Get("keys"); keys != "" {
			s["propertyNames"] = schema{"enum": strings.Split(keys, ",")}
		}
		return s
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Struct {
			return schema{"type": "array", "items": value(t.Elem(), tag)}
		}
		item := value(t.Elem(), tag)
		// One value where a list is meant is a list of one.
		return schema{"anyOf": []schema{item, {"type": "array", "items": item}}}
	case reflect.Bool:
		return schema{"type": "boolean"}
	case reflect.Int:
		if only, err := strconv.Atoi(tag.Get("enum")); err == nil {
			return schema{"const": only}
		}
		return schema{"type": "integer", "minimum": 0}
	case reflect.Float64:
		return schema{"type": "number"}
	}
	return text(tag)
}

// text is the schema of a scalar. A word that YAML takes for a number, such as
// a version or a tenant "42", is as good as a text to the decoder.
func text(tag reflect.StructTag) schema {
	if enum := tag.Get("enum"); enum != "" {
		return schema{"enum": strings.Split(enum, ",")}
	}
	if pattern := tag.Get("pattern"); pattern != "" {
		return schema{"type": "string", "pattern": pattern}
	}
	return schema{"type": []string{"string", "number", "boolean"}}
}
