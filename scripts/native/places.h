/* Attributes and methods of objects that are not compiled, remembered place by place.
 *
 * mypyc asks a class of the interpreter (a msgspec.Struct, one with __slots__) for each attribute by its name, every
 * time. CPython 3.11 to 3.13 does that once for a place in the code, and then takes the attribute from where it lay as
 * long as the type is still the same. This header does the same for compiled code. The compiler is told to include it
 * before all else (-include); nothing of mypyc is changed. Where it does not know the interpreter it does nothing.
 *
 * What makes it right: a type's version is a number that no other type ever has, and that is taken from it as soon as
 * the type or one of its bases changes. Only what has the ordinary way of looking attributes up is remembered, and of
 * that only members at a fixed place within the object (slots), and methods of objects without a dictionary.
 */
#ifndef TRIMTAB_PLACES_H
#define TRIMTAB_PLACES_H

#include <CPy.h>

#if PY_VERSION_HEX < 0x030E0000 && !defined(Py_GIL_DISABLED) && defined(__GNUC__)
#include <structmember.h>

#define TT_COLD __attribute__((noinline, unused, cold))
#define TT_HOT static inline __attribute__((unused))
#ifdef Py_TPFLAGS_MANAGED_DICT
#define TT_DICTS Py_TPFLAGS_MANAGED_DICT
#else
#define TT_DICTS (1UL << 4) /* what 3.11 has under that name */
#endif
#define TT_LIKELY(so) __builtin_expect(!!(so), 1)

/* version 0: nothing is remembered. A place may ask for different names: getattr(note, name) in a loop. The name is
 * kept alive, so that no other text ever comes to lie where it was. */
typedef struct { unsigned int version; PyObject *name; Py_ssize_t offset; } tt_place;
/* The function is borrowed: the type has it while its version holds. */
typedef struct { unsigned int version; PyObject *name; PyObject *function; } tt_method;

PyAPI_FUNC(PyObject *) _PyType_Lookup(PyTypeObject *, PyObject *);

/* What a type has of that name; NULL where that may not be remembered. Gives the type its version. */
static TT_COLD PyObject *tt_found(PyTypeObject *type, PyObject *name) {
    PyObject *found = PyUnicode_CheckExact(name) ? _PyType_Lookup(type, name) : NULL;
    return type->tp_version_tag != 0 && (type->tp_flags & Py_TPFLAGS_VALID_VERSION_TAG) ? found : NULL;
}

static TT_COLD PyMemberDef *tt_slot(PyTypeObject *type, PyObject *name) {
    PyObject *found = tt_found(type, name);
    if (found == NULL || !Py_IS_TYPE(found, &PyMemberDescr_Type)) return NULL;
    PyMemberDef *member = ((PyMemberDescrObject *)found)->d_member;
    return member->type == T_OBJECT_EX ? member : NULL;
}

static TT_COLD PyObject *tt_get_anew(PyObject *object, PyObject *name, tt_place *place) {
    PyTypeObject *type = Py_TYPE(object);
    if (type->tp_getattro == PyObject_GenericGetAttr) {
        PyMemberDef *member = tt_slot(type, name);
        if (member != NULL) {
            Py_XSETREF(place->name, Py_NewRef(name));
            place->version = type->tp_version_tag;
            place->offset = member->offset;
        }
    }
    return PyObject_GetAttr(object, name);
}

TT_HOT PyObject *tt_get(PyObject *object, PyObject *name, tt_place *place) {
    if (TT_LIKELY(place->version != 0 && place->version == Py_TYPE(object)->tp_version_tag && place->name == name)) {
        PyObject *value = *(PyObject **)((char *)object + place->offset);
        if (TT_LIKELY(value != NULL)) return Py_NewRef(value);
    }
    return tt_get_anew(object, name, place);
}

static TT_COLD int tt_set_anew(PyObject *object, PyObject *name, PyObject *value, tt_place *place) {
    PyTypeObject *type = Py_TYPE(object);
    if (value != NULL && type->tp_setattro == PyObject_GenericSetAttr) {
        PyMemberDef *member = tt_slot(type, name);
        if (member != NULL && !(member->flags & READONLY)) {
            Py_XSETREF(place->name, Py_NewRef(name));
            place->version = type->tp_version_tag;
            place->offset = member->offset;
        }
    }
    return PyObject_SetAttr(object, name, value);
}

TT_HOT int tt_set(PyObject *object, PyObject *name, PyObject *value, tt_place *place) {
    if (TT_LIKELY(value != NULL && place->version != 0 && place->version == Py_TYPE(object)->tp_version_tag
                  && place->name == name)) {
        PyObject **at = (PyObject **)((char *)object + place->offset), *before = *at;
        *at = Py_NewRef(value);
        Py_XDECREF(before);
        return 0;
    }
    return tt_set_anew(object, name, value, place);
}

static TT_COLD PyObject *tt_call_anew(PyObject *name, PyObject *const *args, size_t flags, PyObject *names, tt_method *place) {
    PyTypeObject *type = Py_TYPE(args[0]);
    if (type->tp_getattro == PyObject_GenericGetAttr && type->tp_dictoffset == 0
        && !(type->tp_flags & TT_DICTS)) {
        PyObject *found = tt_found(type, name);
        if (found != NULL && PyType_HasFeature(Py_TYPE(found), Py_TPFLAGS_METHOD_DESCRIPTOR)) {
            Py_XSETREF(place->name, Py_NewRef(name));
            place->version = type->tp_version_tag;
            place->function = found;
        }
    }
    return PyObject_VectorcallMethod(name, args, flags, names);
}

TT_HOT PyObject *tt_call(PyObject *name, PyObject *const *args, size_t flags, PyObject *names, tt_method *place) {
    if (TT_LIKELY(place->version != 0 && place->version == Py_TYPE(args[0])->tp_version_tag && place->name == name)) {
        PyObject *function = Py_NewRef(place->function);
        PyObject *result = PyObject_Vectorcall(function, args, flags & ~PY_VECTORCALL_ARGUMENTS_OFFSET, names);
        Py_DECREF(function);
        return result;
    }
    return tt_call_anew(name, args, flags, names, place);
}

#undef CPyObject_GetAttr
#define CPyObject_GetAttr(object, name) ({ static tt_place tt_here; tt_get((object), (name), &tt_here); })
#define PyObject_SetAttr(object, name, value) ({ static tt_place tt_here; tt_set((object), (name), (value), &tt_here); })
#define PyObject_VectorcallMethod(name, args, flags, names) \
    ({ static tt_method tt_here; tt_call((name), (args), (flags), (names), &tt_here); })

#endif
#endif
