//! An item as lines of the listing, and the names that its signatures mention.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, Fields, ImplItem, Item, ItemImpl, TraitItem, Visibility};

use super::index::is_public;

/// What one item promises.
#[derive(Default)]
pub(super) struct Promise {
    pub(super) lines: Vec<String>,
    /// The names in its signatures that begin with a capital letter.
    pub(super) mentioned: BTreeSet<String>,
}

impl Promise {
    fn push(&mut self, prefix: &str, tokens: &TokenStream) {
        self.mention(tokens.clone());
        self.lines.push(format!("{prefix}{}", text(tokens)));
    }

    fn mention(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    let name = ident.to_string();
                    if name.starts_with(|first: char| first.is_uppercase()) {
                        self.mentioned.insert(name);
                    }
                }
                TokenTree::Group(group) => self.mention(group.stream()),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }

    /// Adds what `item` says, under the public `path`.
    pub(super) fn add_item(&mut self, path: &str, item: &Item) {
        match item {
            Item::Struct(item) => {
                self.lines.push(format!("struct {path}{}", marks(&item.attrs)));
                self.mention(item.generics.to_token_stream());
                self.add_fields(path, &item.fields, false);
            }
            Item::Enum(item) => {
                self.lines.push(format!("enum {path}{}", marks(&item.attrs)));
                for variant in &item.variants {
                    let path = format!("{path}::{}", variant.ident);
                    self.lines.push(format!("variant {path}{}", marks(&variant.attrs)));
                    self.add_fields(&path, &variant.fields, true);
                }
            }
            Item::Trait(item) => {
                let bounds = item.supertraits.to_token_stream();
                self.push(&format!("trait {path}: "), &bounds);
                for part in &item.items {
                    self.add_trait_item(path, part);
                }
            }
            Item::Type(item) => self.push(&format!("type {path} = "), &item.ty.to_token_stream()),
            Item::Const(item) => self.push(&format!("const {path}: "), &item.ty.to_token_stream()),
            Item::Static(item) => self.push(&format!("const {path}: "), &item.ty.to_token_stream()),
            Item::Fn(item) => self.push(&format!("{path}: "), &item.sig.to_token_stream()),
            _ => {}
        }
    }

    fn add_fields(&mut self, path: &str, fields: &Fields, all: bool) {
        for (at, field) in fields.iter().enumerate() {
            if all || matches!(field.vis, Visibility::Public(_)) {
                let name = field.ident.as_ref().map_or_else(|| at.to_string(), ToString::to_string);
                self.push(&format!("field {path}.{name}: "), &field.ty.to_token_stream());
            }
        }
    }

    fn add_trait_item(&mut self, path: &str, item: &TraitItem) {
        match item {
            TraitItem::Fn(method) => {
                let kind = if method.default.is_some() { "provided" } else { "required" };
                self.push(&format!("{kind} {path}: "), &method.sig.to_token_stream());
            }
            TraitItem::Type(kind) => {
                let bounds = kind.bounds.to_token_stream();
                self.push(&format!("required {path}: type {}: ", kind.ident), &bounds);
            }
            _ => {}
        }
    }

    /// Adds what a block of methods, or an implementation of a trait, says of the type at the public `path`.
    pub(super) fn add_impl(&mut self, path: &str, block: &ItemImpl) {
        let Some((_, of, _)) = &block.trait_ else {
            let generics = block.self_ty.to_token_stream().into_iter().skip(1).collect::<TokenStream>();
            for item in block.items.iter().filter(|item| is_public(item)) {
                match item {
                    ImplItem::Fn(method) if !is_hidden(&method.attrs) => {
                        self.push(&format!("{path}{}: ", text(&generics)), &method.sig.to_token_stream());
                    }
                    ImplItem::Const(constant) => {
                        self.push(
                            &format!("const {path}::{}: ", constant.ident),
                            &constant.ty.to_token_stream(),
                        );
                    }
                    _ => {}
                }
            }
            return;
        };
        // What a trait of ours asks for is listed with the trait.
        self.lines.push(format!("impl {} for {path}", text(&of.to_token_stream())));
        for item in &block.items {
            if let ImplItem::Type(named) = item {
                self.mention(named.ty.to_token_stream());
            }
        }
    }
}

/// What attributes add to a promise: that it may grow, and what is derived.
fn marks(attributes: &[Attribute]) -> String {
    let mut marks = String::new();
    for attribute in attributes {
        if attribute.path().is_ident("non_exhaustive") {
            marks.push_str(" #[non_exhaustive]");
        }
        if attribute.path().is_ident("derive")
            && let syn::Meta::List(list) = &attribute.meta
        {
            marks.push_str(&format!(" derive({})", text(&list.tokens)));
        }
    }
    marks
}

fn is_hidden(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("doc")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|word| word == "hidden")
    })
}

/// Tokens as people write them, close enough to read and to compare.
fn text(tokens: &TokenStream) -> String {
    let mut text = tokens.to_string();
    for (from, to) in [
        (" :: ", "::"),
        (":: ", "::"),
        (" ::", "::"),
        (" < ", "<"),
        ("< ", "<"),
        (" <", "<"),
        (" > ", "> "),
        (" >", ">"),
        ("& ", "&"),
        (" ,", ","),
        (" :", ":"),
        ("( ", "("),
        (" )", ")"),
        (" (", "("),
        ("[ ", "["),
        (" ]", "]"),
        (" ;", ";"),
        ("' ", "'"),
        ("= >", "=>"),
        ("- >", "->"),
        (",)", ")"),
        ("->", " -> "),
        ("  ", " "),
    ] {
        text = text.replace(from, to);
    }
    text.replace("  ", " ").trim().to_owned()
}
