//! The items that the sources of all crates define, by crate and name.

use std::collections::BTreeMap;
use std::path::Path;

use syn::{Attribute, ImplItem, Item, Type, UseTree, Visibility};

/// The crate that makes the promise.
pub(super) const FACADE: &str = "market_backbone";

/// The name of a crate as code writes it, and of an item in it.
pub(super) type Key = (String, String);

/// All that the crates define.
#[derive(Default)]
pub(super) struct Index {
    /// Public types, traits, functions and constants.
    pub(super) items: BTreeMap<Key, Vec<Item>>,
    /// Blocks of methods and implementations of traits, by the type they are for.
    pub(super) impls: BTreeMap<Key, Vec<syn::ItemImpl>>,
}

/// A name under which the facade gives something away.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Export {
    /// The path in the facade, without its own name: `Candle`, `adapter::Venue`.
    pub(super) path: String,
    /// The crate it is taken from, as far as the `use` says.
    pub(super) origin: String,
    /// Its name there.
    pub(super) name: String,
}

impl Index {
    /// Reads the sources of every crate below `root`.
    pub(super) fn read(root: &Path) -> Result<Self, String> {
        let mut index = Self::default();
        for folder in std::fs::read_dir(root.join("crates")).map_err(|error| error.to_string())? {
            let folder = folder.map_err(|error| error.to_string())?.path();
            let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            let name = if name == "market-backbone" { FACADE.to_owned() } else { format!("{FACADE}_{name}") };
            for path in crate::tidy::sources(&folder.join("src")).map_err(|error| error.to_string())? {
                index.add(&name, parse(&path)?.items);
            }
        }
        Ok(index)
    }

    /// Takes in the items of a file of the crate `name`.
    pub(super) fn add(&mut self, name: &str, items: Vec<Item>) {
        for item in items {
            match item {
                Item::Mod(module) if !is_test(&module.attrs) => {
                    self.add(name, module.content.map(|(_, items)| items).unwrap_or_default());
                }
                Item::Impl(block) => {
                    if let Some(key) = self_name(&block.self_ty).map(|this| (name.to_owned(), this)) {
                        self.impls.entry(key).or_default().push(block);
                    }
                }
                Item::Macro(call) => {
                    if let Some(block) = setters(&call) {
                        let this = self_name(&block.self_ty).unwrap_or_default();
                        self.impls.entry((name.to_owned(), this)).or_default().push(block);
                    }
                }
                item => {
                    if let Some((Visibility::Public(_), ident)) = named(&item) {
                        self.items.entry((name.to_owned(), ident)).or_default().push(item);
                    }
                }
            }
        }
    }

    /// Where the thing that code in crate `from` calls `name` is defined: there, in the core, or in the one crate that has it.
    pub(super) fn resolve(&self, from: &str, name: &str) -> Option<Key> {
        let key = |krate: &str| (krate.to_owned(), name.to_owned());
        let here =
            [key(from), key("market_backbone_core")].into_iter().find(|key| self.items.contains_key(key));
        here.or_else(|| {
            let mut all = self.items.keys().filter(|(_, item)| item == name);
            all.next().cloned().filter(|_| all.next().is_none())
        })
    }
}

/// All that the facade's `lib.rs` gives away, modules included.
pub(super) fn exports(root: &Path) -> Result<Vec<Export>, String> {
    let folder = root.join("crates/market-backbone/src");
    let mut found = Vec::new();
    collect_exports(&folder, &parse(&folder.join("lib.rs"))?.items, "", &mut found)?;
    found.sort();
    Ok(found)
}

fn collect_exports(
    folder: &Path,
    items: &[Item],
    prefix: &str,
    found: &mut Vec<Export>,
) -> Result<(), String> {
    for item in items {
        match item {
            Item::Use(used) if matches!(used.vis, Visibility::Public(_)) => {
                collect_names(&used.tree, None, prefix, found);
            }
            Item::Mod(module) if matches!(module.vis, Visibility::Public(_)) => {
                let prefix = format!("{prefix}{}::", module.ident);
                match &module.content {
                    Some((_, items)) => collect_exports(folder, items, &prefix, found)?,
                    None => {
                        let file = parse(&folder.join(format!("{}.rs", module.ident)))?;
                        collect_exports(folder, &file.items, &prefix, found)?;
                    }
                }
            }
            item if !prefix.is_empty() => {
                if let Some((Visibility::Public(_), name)) = named(item) {
                    found.push(Export { path: format!("{prefix}{name}"), origin: FACADE.to_owned(), name });
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn collect_names(tree: &UseTree, origin: Option<&str>, prefix: &str, found: &mut Vec<Export>) {
    let origin_of =
        |first: &str| if first.starts_with(FACADE) { first.to_owned() } else { FACADE.to_owned() };
    let mut push = |name: String, shown: String| {
        let origin = origin.unwrap_or(FACADE).to_owned();
        found.push(Export { path: format!("{prefix}{shown}"), origin, name });
    };
    match tree {
        UseTree::Path(path) => {
            let first = origin.map_or_else(|| origin_of(&path.ident.to_string()), str::to_owned);
            collect_names(&path.tree, Some(&first), prefix, found);
        }
        UseTree::Name(name) => push(name.ident.to_string(), name.ident.to_string()),
        UseTree::Rename(name) => push(name.ident.to_string(), name.rename.to_string()),
        UseTree::Group(group) => {
            for tree in &group.items {
                collect_names(tree, origin, prefix, found);
            }
        }
        UseTree::Glob(_) => {}
    }
}

pub(super) fn parse(path: &Path) -> Result<syn::File, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    syn::parse_file(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// The methods that `setters!(Settings { #[getter(get_field)] field: Type, … })` stands for.
fn setters(call: &syn::ItemMacro) -> Option<syn::ItemImpl> {
    if call.mac.path.segments.last()?.ident != "setters" {
        return None;
    }
    // It is written like a struct without its keyword.
    let tokens = &call.mac.tokens;
    let settings: syn::ItemStruct = syn::parse2(quote::quote!(struct #tokens)).ok()?;
    let this = &settings.ident;
    let methods = settings.fields.iter().map(|field| {
        let (name, kind) = (&field.ident, &field.ty);
        let getter = getter(field);
        quote::quote!(pub fn #name(self, #name: #kind) -> Self {} #getter)
    });
    syn::parse2(quote::quote!(impl #this { #(#methods)* })).ok()
}

/// The method that `#[getter(name)]` or `#[getter(name -> View)]` stands for.
fn getter(field: &syn::Field) -> Option<proc_macro2::TokenStream> {
    let attribute = field.attrs.iter().find(|attribute| attribute.path().is_ident("getter"))?;
    let words = &attribute.meta.require_list().ok()?.tokens;
    // Written like the name and the result of a method without parameters.
    let mut words = words.clone().into_iter();
    let name = words.next()?;
    let view: proc_macro2::TokenStream = words.collect();
    let kind = &field.ty;
    Some(match view.is_empty() {
        true => quote::quote!(pub const fn #name(&self) -> #kind {}),
        false => quote::quote!(pub fn #name(&self) #view {}),
    })
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|flag| flag == "test")
    })
}

/// The name and visibility of an item that can be given away.
fn named(item: &Item) -> Option<(&Visibility, String)> {
    let (visibility, ident) = match item {
        Item::Struct(item) => (&item.vis, &item.ident),
        Item::Enum(item) => (&item.vis, &item.ident),
        Item::Trait(item) => (&item.vis, &item.ident),
        Item::Type(item) => (&item.vis, &item.ident),
        Item::Const(item) => (&item.vis, &item.ident),
        Item::Static(item) => (&item.vis, &item.ident),
        Item::Fn(item) => (&item.vis, &item.sig.ident),
        _ => return None,
    };
    Some((visibility, ident.to_string()))
}

/// The name of the type that a block is for.
fn self_name(this: &Type) -> Option<String> {
    match this {
        Type::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()),
        Type::Reference(reference) => self_name(&reference.elem),
        _ => None,
    }
}

/// Whether an item of a block without a trait is for everybody.
pub(super) fn is_public(item: &ImplItem) -> bool {
    match item {
        ImplItem::Fn(method) => matches!(method.vis, Visibility::Public(_)),
        ImplItem::Const(constant) => matches!(constant.vis, Visibility::Public(_)),
        _ => false,
    }
}
