package rest

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/beep-chat/beep"
)

// CheckTypes says which field of the JSON object b is not of the one form that the contract gives its type. protojson
// alone would take an id as a number, which whoever wrote it in JavaScript may have rounded, and a number as "1e3"
// or 5.0. CheckJSON has let b pass. A null is a field left out.
func CheckTypes(b []byte, d protoreflect.MessageDescriptor) error { return checkMessage(b, d, "") }

// checkMessage says where in the body a fault is: path is empty at the top, and below it ends with a dot.
func checkMessage(raw []byte, d protoreflect.MessageDescriptor, path string) error {
	if strings.HasPrefix(string(d.FullName()), "google.protobuf.") {
		return nil // has a form of its own, to which the decoder keeps
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil || fields == nil {
		return wrongType(path, "an object")
	}
	// In one order, so that of two faults the same is told each time.
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		// By the name in the contract. protojson would take the one in camel case too, and so two keys for one field.
		f := d.Fields().ByName(protoreflect.Name(name))
		if f == nil {
			return beep.InvalidField(beep.CodeInvalidBody, path+name, "is not known")
		}
		if string(fields[name]) == "null" {
			continue
		}
		if err := checkField(fields[name], f, path+name); err != nil {
			return err
		}
	}
	return nil
}

func checkField(raw json.RawMessage, f protoreflect.FieldDescriptor, path string) error {
	switch {
	case f.IsMap():
		return checkMap(raw, f, path)
	case f.IsList():
		var list []json.RawMessage
		if err := json.Unmarshal(raw, &list); err != nil {
			return wrongType(path, "a list")
		}
		for i, item := range list {
			if err := checkValue(item, f, path+"."+strconv.Itoa(i)); err != nil {
				return err
			}
		}
		return nil
	}
	return checkValue(raw, f, path)
}

// checkMap holds keys to the form of their type, too: "7" and "07" would be one key.
func checkMap(raw json.RawMessage, f protoreflect.FieldDescriptor, path string) error {
	var entries map[string]json.RawMessage
	if err := json.Unmarshal(raw, &entries); err != nil {
		return wrongType(path, "an object")
	}
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		if isNumber(f.MapKey().Kind()) && !decimal(key) {
			return wrongType(path, "an object whose keys are decimal digits")
		}
		if err := checkValue(entries[key], f.MapValue(), path+"."+key); err != nil {
			return err
		}
	}
	return nil
}

func checkValue(raw json.RawMessage, f protoreflect.FieldDescriptor, path string) error {
	s := string(raw)
	switch f.Kind() { //nolint:exhaustive // the decoder refuses what is wrong of the others
	case protoreflect.Uint64Kind:
		if text, ok := strings.CutPrefix(s, `"`); !ok || !decimal(strings.TrimSuffix(text, `"`)) {
			return wrongType(path, "a string of decimal digits")
		}
	case protoreflect.Uint32Kind:
		if !decimal(s) {
			return wrongType(path, "a whole number, not below 0")
		}
	case protoreflect.StringKind:
		if !strings.HasPrefix(s, `"`) {
			return wrongType(path, "a string")
		}
	case protoreflect.BoolKind:
		if s != "true" && s != "false" {
			return wrongType(path, "true or false")
		}
	case protoreflect.MessageKind:
		return checkMessage(raw, f.Message(), path+".")
	}
	return nil
}

func isNumber(k protoreflect.Kind) bool {
	return k == protoreflect.Uint64Kind || k == protoreflect.Uint32Kind
}

// decimal says whether s is a whole number that fits a signed 64-bit column, in the only form that there is of it:
// without sign, space, leading zero, fraction or exponent.
func decimal(s string) bool {
	n, err := strconv.ParseUint(s, 10, 63)
	return err == nil && strconv.FormatUint(n, 10) == s
}

func wrongType(path, want string) error {
	return beep.InvalidField(beep.CodeInvalidBody, strings.TrimSuffix(path, "."), "must be "+want)
}
